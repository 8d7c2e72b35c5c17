/** Status of one certificate, asked of its issuer's responder (RFC 6960): request and basic response. */
import { createHash, type KeyObject } from 'node:crypto';
import { readAlgorithm } from './cms.ts';
import {
  children,
  contentOf,
  DerError,
  type Element,
  encode,
  expectTag,
  octetString,
  oidOf,
  readElement,
  smallInteger,
  TAG,
  timeOf,
  wholeOf,
} from './der.ts';
import { KEY_USAGE, type ParsedCertificate } from './parsed-certificate.ts';
import { cachedCertificate, validAt } from './path.ts';
import { signatureAlgorithm } from './verify-signer.ts';

const OID = { basicResponse: '1.3.6.1.5.5.7.48.1.1', ocspSigning: '1.3.6.1.5.5.7.3.9' } as const;

/** What names and keys are told apart by; no signature rests on it. */
const NAMING: Readonly<Record<string, string>> = { '1.3.14.3.2.26': 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256' };
/** AlgorithmIdentifier of SHA-1, which every responder knows (RFC 5019 section 2.1.1). */
const SHA1 = Buffer.from('300906052b0e03021a0500', 'hex');
/** Without an end of its own a status is the newest for no longer than this (RFC 6960 section 4.2.2.1). */
const DAY_MS = 86_400_000;
/** Certificates that a response brings, and statuses, that are looked at. */
const MAX_CERTIFICATES = 4;
const MAX_STATUSES = 32;

const ENUMERATED = 0x0a;
const CERTS = 0xa0;
const BY_NAME = 0xa1;
const BY_KEY = 0xa2;
const GOOD = 0x80;
const REVOKED = 0xa1;
const SINGLE_EXTENSIONS = 0xa1;

/** What a responder says of one certificate. */
interface CertificateStatus {
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Milliseconds since the epoch; null: not revoked. */
  readonly revokedAt: number | null;
}

export interface OcspResponse {
  readonly der: Uint8Array;
  /** Null where it does not speak for the certificate: another one's, unknown, or not signed by who may. */
  statusOf(certificate: ParsedCertificate, issuer: ParsedCertificate): CertificateStatus | null;
}

/** Request for one status, unsigned and without a nonce: what comes back may be one made before (RFC 5019). DER. */
export function ocspRequest(certificate: ParsedCertificate, issuer: ParsedCertificate): Uint8Array {
  const id = encode(TAG.sequence, [
    SHA1,
    encode(TAG.octetString, [digest('sha1', issuer.subject)]),
    encode(TAG.octetString, [digest('sha1', keyBits(issuer.x509.publicKey))]),
    encode(TAG.integer, [certificate.serial]),
  ]);
  const list = encode(TAG.sequence, [encode(TAG.sequence, [id])]);
  return encode(TAG.sequence, [encode(TAG.sequence, [list])]);
}

/** Throws a DerError when the bytes are no basic response, or tell of a failure. */
export function readOcspResponse(der: Uint8Array): OcspResponse {
  const [status, bytes] = children(expectTag(readElement(der), TAG.sequence));
  if (smallInteger(expectTag(status, ENUMERATED)) !== 0) throw new DerError('the responder has no answer');
  const [type, octets] = children(expectTag(children(expectTag(bytes, 0xa0))[0], TAG.sequence));
  if (oidOf(type) !== OID.basicResponse) throw new DerError('no basic response');
  const basic = readElement(octetString(expectTag(octets, TAG.octetString)));
  const [data, algorithm, signature, certs] = children(expectTag(basic, TAG.sequence));
  const fields = children(expectTag(data, TAG.sequence));
  if (fields[0]?.tag === 0xa0) fields.shift(); // version
  const [responder, producedAt, statuses] = fields;
  if (responder === undefined) throw new DerError('responder missing');
  const signed = wholeOf(expectTag(data, TAG.sequence));
  const identifier = readAlgorithm(algorithm);
  const bits = contentOf(expectTag(signature, TAG.bitString)).subarray(1);
  const made = timeOf(producedAt);
  const singles = children(expectTag(statuses, TAG.sequence)).slice(0, MAX_STATUSES);
  const enclosed =
    certs === undefined ? [] : children(expectTag(children(expectTag(certs, CERTS))[0], TAG.sequence)).map(wholeOf);

  const isSigner = (candidate: ParsedCertificate): boolean => {
    if (!isResponder(responder, candidate)) return false;
    const key = candidate.x509.publicKey;
    const check = signatureAlgorithm({ signatureAlgorithm: identifier, digestAlgorithm: '' }, key);
    return check?.(signed, bits) ?? false;
  };
  return {
    der,
    statusOf: (certificate, issuer) => {
      const single = singles.find(one => concerns(one, certificate, issuer));
      const found = single === undefined ? null : readStatus(single);
      if (found === null) return null;
      // Responders forget certificates that have ended: that one is good then says nothing any more.
      if (found.revokedAt === null && found.thisUpdate > certificate.notAfter) return null;
      if (isSigner(issuer)) return found;
      const delegates = enclosed.slice(0, MAX_CERTIFICATES).flatMap(readable);
      return delegates.some(one => mayAnswerFor(one, issuer, made) && isSigner(one)) ? found : null;
    },
  };
}

/** Issued by the authority itself for this purpose (RFC 6960 section 4.2.2.2), and valid when it answered. */
function mayAnswerFor(delegate: ParsedCertificate, issuer: ParsedCertificate, at: number): boolean {
  return (
    delegate.extendedKeyUsage?.includes(OID.ocspSigning) === true &&
    (delegate.keyUsage === null || (delegate.keyUsage & KEY_USAGE.digitalSignature) !== 0) &&
    delegate.unknownCritical.length === 0 &&
    validAt(delegate, at) &&
    Buffer.compare(delegate.issuer, issuer.subject) === 0 &&
    isIssuedBy(delegate, issuer)
  );
}

function isIssuedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

function isResponder(responder: Element, candidate: ParsedCertificate): boolean {
  const [id] = children(responder);
  if (id === undefined) return false;
  if (responder.tag === BY_NAME) return Buffer.compare(wholeOf(id), candidate.subject) === 0;
  if (responder.tag !== BY_KEY) return false;
  return Buffer.compare(octetString(id), digest('sha1', keyBits(candidate.x509.publicKey))) === 0;
}

/** CertID (RFC 6960 section 4.1.1). */
function concerns(single: Element, certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  const [id] = children(expectTag(single, TAG.sequence));
  const [algorithm, name, key, serial] = children(expectTag(id, TAG.sequence));
  const hash = NAMING[readAlgorithm(algorithm).oid];
  if (hash === undefined) return false;
  return (
    Buffer.compare(contentOf(expectTag(serial, TAG.integer)), certificate.serial) === 0 &&
    Buffer.compare(octetString(expectTag(name, TAG.octetString)), digest(hash, issuer.subject)) === 0 &&
    Buffer.compare(octetString(expectTag(key, TAG.octetString)), digest(hash, keyBits(issuer.x509.publicKey))) === 0 &&
    Buffer.compare(certificate.issuer, issuer.subject) === 0
  );
}

/** Null for `unknown`, and where a critical extension is not understood. */
function readStatus(single: Element): CertificateStatus | null {
  const [, status, thisUpdate, ...rest] = children(single);
  const from = timeOf(thisUpdate);
  const next = rest.find(({ tag }) => tag === 0xa0);
  const extensions = rest.find(({ tag }) => tag === SINGLE_EXTENSIONS);
  if (extensions !== undefined && children(expectTag(children(extensions)[0], TAG.sequence)).some(isCritical)) {
    return null;
  }
  const until = next === undefined ? from + DAY_MS : timeOf(children(next)[0]);
  if (status?.tag === GOOD) return { thisUpdate: from, nextUpdate: until, revokedAt: null };
  if (status?.tag !== REVOKED) return null;
  return { thisUpdate: from, nextUpdate: until, revokedAt: timeOf(children(status)[0]) };
}

function isCritical(extension: Element): boolean {
  const critical = children(expectTag(extension, TAG.sequence))[1];
  return critical?.tag === TAG.boolean && contentOf(critical)[0] !== 0;
}

function readable(der: Uint8Array): ParsedCertificate[] {
  try {
    return [cachedCertificate(der)];
  } catch {
    return [];
  }
}

/** The key's octets in its SubjectPublicKeyInfo, without algorithm, tag and unused bits. */
function keyBits(key: KeyObject): Uint8Array {
  const [, bits] = children(readElement(key.export({ type: 'spki', format: 'der' })));
  return contentOf(expectTag(bits, TAG.bitString)).subarray(1);
}

function digest(name: string, bytes: Uint8Array): Uint8Array {
  return createHash(name).update(bytes).digest();
}
