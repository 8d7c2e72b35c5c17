/** Authorities' certificates that a signature should have brought with it and did not (RFC 5280 section 4.2.2.1). */
import { readSignedData } from '../../pki/cms.ts';
import { type ParsedCertificate, parseCertificate } from '../../pki/parsed-certificate.ts';
import { cachedCertificate } from '../../pki/path.ts';
import { pemDecodeAll, sha256Fingerprint } from '../../pki/pem.ts';
import type { SignatureOutcome } from '../types.ts';

/** Addresses of one certificate that are tried. */
const MAX_URLS = 2;
const MAX_PATH = 6;

/**
 * Where the next certificate of a path is to be had that leads to no anchor so far; none for a signature that does not
 * hold, or ends with a root that nobody believes.
 * @param fetched DER of what was fetched before
 */
export function issuerSources(outcome: SignatureOutcome, fetched: readonly Uint8Array[]): string[] {
  const certificates = [...outcome.certificates, ...fetched].flatMap(readable);
  const unknown = [outcome, outcome.evidence].filter(part => part?.status === 'unknown-issuer');
  const urls = unknown.flatMap(part => {
    const leaf = certificates.find(({ der }) => sha256Fingerprint(der) === part?.signer?.sha256);
    return leaf === undefined ? [] : topOf(leaf, certificates).issuerUrls.slice(0, MAX_URLS);
  });
  return [...new Set(urls)];
}

/** DER of the certificates in what an address gave: one, or a certs-only CMS message (RFC 5280), or PEM. */
export function readIssuers(octets: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(octets.subarray(0, 100)).toString('latin1');
  if (text.includes('-----BEGIN CERTIFICATE-----')) {
    const blocks = pemDecodeAll(Buffer.from(octets).toString('latin1'));
    return blocks.filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => parseCertificate(der).der);
  }
  try {
    return [parseCertificate(octets).der];
  } catch {
    return readSignedData(octets).certificates;
  }
}

/** The last certificate of the path as far as it goes. */
function topOf(leaf: ParsedCertificate, others: readonly ParsedCertificate[]): ParsedCertificate {
  let top = leaf;
  for (let length = 1; length < MAX_PATH; length++) {
    const issuer = others.find(other => other !== top && other.authority && issued(other, top));
    if (issuer === undefined) break;
    top = issuer;
  }
  return top;
}

function issued(issuer: ParsedCertificate, certificate: ParsedCertificate): boolean {
  if (Buffer.compare(certificate.issuer, issuer.subject) !== 0) return false;
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

function readable(der: Uint8Array): ParsedCertificate[] {
  try {
    return [cachedCertificate(der)];
  } catch {
    return [];
  }
}
