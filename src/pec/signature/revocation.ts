/**
 * Whether the certificates that a signature rests on were revoked (RFC 5280 section 6.3), by lists that came with it or
 * were fetched. Synchronous and free of I/O, like the check itself.
 */
import type { MimeNode } from '../../mime/types.ts';
import { readSignedData } from '../../pki/cms.ts';
import { type RevocationList, readRevocationList } from '../../pki/crl.ts';
import type { ParsedCertificate } from '../../pki/parsed-certificate.ts';
import { cachedCertificate, findPath } from '../../pki/path.ts';
import { sha256Fingerprint } from '../../pki/pem.ts';
import type { SignatureOutcome } from '../types.ts';
import { italianDate } from './describe.ts';
import { anchorsOf, type SignatureOptions } from './index.ts';
import { findSignedContent } from './signed-content.ts';

/** Lists in one signature that are looked at. */
const MAX_LISTS = 8;

/** An outcome with what revocation lists say of it. */
export interface RevocationOutcome {
  readonly outcome: SignatureOutcome;
  /** DER of each list that counted. */
  readonly lists: readonly Uint8Array[];
}

/** Where the lists of the certificates on a good signature's path are to be had; nobody else's addresses are asked. */
export function revocationUrls(outcome: SignatureOutcome, options: SignatureOptions): string[] {
  const path = pathOf(outcome, options) ?? [];
  return [...new Set(path.slice(0, -1).flatMap(({ crlUrls }) => crlUrls))];
}

/** DER of the lists that a message's signature carries in itself (RFC 5652 section 10.2.1). */
export function enclosedLists(raw: Uint8Array, root: MimeNode): readonly Uint8Array[] {
  try {
    const found = findSignedContent(raw, root);
    return found === null || typeof found === 'string' ? [] : readSignedData(found.signature).crls.slice(0, MAX_LISTS);
  } catch {
    return [];
  }
}

/**
 * A certificate that had been revoked when it signed makes the signature broken; one that was revoked afterwards is a
 * remark. Where no list speaks for a certificate, or only one that was out of date before the signature, nothing changes.
 * @param lists DER, from wherever; those that are not the issuer's do not count
 */
export function withRevocation(
  outcome: SignatureOutcome,
  lists: readonly Uint8Array[],
  options: SignatureOptions,
): RevocationOutcome {
  const now = options.at ?? Date.now();
  const signedAt = outcome.signingTime ?? now;
  const path = pathOf(outcome, options) ?? [];
  const read = lists.flatMap(readable);
  const counted = new Set<Uint8Array>();
  let broken: string | null = null;
  const remarks: string[] = [];
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    if (issuer === undefined) break; // an anchor is believed as it is
    const list = newest(read.filter(one => tellsOf(one, signedAt, now) && one.speaksFor(certificate, issuer)));
    if (list === null) continue;
    counted.add(list.der);
    const at = list.revokedAt(certificate);
    if (at === null || at > now) continue;
    const whose = index === 0 ? 'del gestore' : 'di un’autorità del gestore';
    if (at <= signedAt)
      broken ??= `Il certificato ${whose} era stato revocato il ${italianDate(at)}, prima della firma.`;
    else
      remarks.push(`Il certificato ${whose}, valido al momento della firma, è stato revocato il ${italianDate(at)}.`);
  }
  const told = { lists: [...counted] };
  if (broken !== null) return { ...told, outcome: { ...outcome, status: 'broken', reasons: [broken] } };
  if (remarks.length === 0) return { ...told, outcome };
  return { ...told, outcome: { ...outcome, status: 'valid-with-remarks', reasons: [...outcome.reasons, ...remarks] } };
}

/** Valid now, or made after the signature: either says what the certificate was when it signed. */
function tellsOf({ thisUpdate, nextUpdate }: RevocationList, signedAt: number, now: number): boolean {
  return thisUpdate <= now && (thisUpdate >= signedAt || nextUpdate === null || nextUpdate >= now);
}

function newest(lists: readonly RevocationList[]): RevocationList | null {
  return lists.reduce<RevocationList | null>(
    (best, list) => (best && best.thisUpdate >= list.thisUpdate ? best : list),
    null,
  );
}

function readable(der: Uint8Array): RevocationList[] {
  try {
    return [readRevocationList(der)];
  } catch {
    return [];
  }
}

/** The path of a signature that is good so far; null for any other. */
function pathOf(outcome: SignatureOutcome, options: SignatureOptions): readonly ParsedCertificate[] | null {
  const { status, signer, signingTime } = outcome;
  if ((status !== 'valid' && status !== 'valid-with-remarks') || signer === null) return null;
  const certificates = outcome.certificates.flatMap(der => {
    try {
      return [cachedCertificate(der)];
    } catch {
      return [];
    }
  });
  const leaf = certificates.find(({ der }) => sha256Fingerprint(der) === signer.sha256);
  if (leaf === undefined) return null;
  return findPath(leaf, certificates, anchorsOf(options), signingTime ?? options.at ?? Date.now());
}
