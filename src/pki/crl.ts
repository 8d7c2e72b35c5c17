/** Certificate revocation lists (RFC 5280 section 5): complete ones, of the issuer itself. */
import type { KeyObject } from 'node:crypto';
import { readAlgorithm } from './cms.ts';
import {
  children,
  contentOf,
  DerError,
  type Element,
  expectTag,
  oidOf,
  readElement,
  TAG,
  timeOf,
  wholeOf,
} from './der.ts';
import { KEY_USAGE, type ParsedCertificate } from './parsed-certificate.ts';
import { signatureAlgorithm } from './verify-signer.ts';

const OID = { issuingDistributionPoint: '2.5.29.28' } as const;

export interface RevocationList {
  readonly der: Uint8Array;
  readonly thisUpdate: number;
  /** Null when the list does not say. */
  readonly nextUpdate: number | null;
  /** When a certificate was revoked, milliseconds since the epoch; null when the list does not name it. */
  revokedAt(certificate: Pick<ParsedCertificate, 'serial'>): number | null;
  /** Whether this list speaks for the certificate: its issuer's own, signed by it, and about all of its certificates. */
  speaksFor(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean;
}

/** Throws a DerError when the bytes are no list. */
export function readRevocationList(der: Uint8Array): RevocationList {
  const [tbs, algorithm, signature] = children(expectTag(readElement(der), TAG.sequence));
  const fields = children(expectTag(tbs, TAG.sequence));
  if (fields[0]?.tag === TAG.integer) fields.shift(); // version
  const [, issuer, thisUpdate] = fields;
  const rest = fields.slice(3);
  const isTime = rest[0]?.tag === TAG.utcTime || rest[0]?.tag === TAG.generalizedTime;
  const nextUpdate = isTime ? timeOf(rest.shift()) : null;
  const entries = rest[0]?.tag === TAG.sequence ? rest.shift() : undefined;
  const scope = readScope(rest.find(({ tag }) => tag === 0xa0));
  const signed = wholeOf(expectTag(tbs, TAG.sequence));
  const issuerName = wholeOf(expectTag(issuer, TAG.sequence));
  const identifier = readAlgorithm(algorithm);
  const bits = contentOf(expectTag(signature, TAG.bitString)).subarray(1);
  const isSignedBy = (key: KeyObject): boolean => {
    const check = signatureAlgorithm({ signatureAlgorithm: identifier, digestAlgorithm: '' }, key);
    return check?.(signed, bits) ?? false;
  };
  return {
    der,
    thisUpdate: timeOf(thisUpdate),
    nextUpdate,
    revokedAt: ({ serial }) => (entries === undefined ? null : find(entries, serial)),
    speaksFor: (certificate, by) =>
      Buffer.compare(issuerName, by.subject) === 0 &&
      Buffer.compare(certificate.issuer, by.subject) === 0 &&
      (by.keyUsage === null || (by.keyUsage & KEY_USAGE.cRLSign) !== 0) &&
      scope !== 'part' &&
      (scope === 'all' || (scope === 'authorities') === certificate.authority) &&
      isSignedBy(by.x509.publicKey),
  };
}

/** Walks the entries without keeping them: a list may name a hundred thousand. */
function find(entries: Element, serial: Uint8Array): number | null {
  for (let at = entries.contentStart; at < entries.contentEnd; ) {
    const entry = readElement(entries.bytes, at, entries.contentEnd);
    at = entry.end;
    const number = readElement(entry.bytes, entry.contentStart, entry.contentEnd);
    if (Buffer.compare(contentOf(number), serial) !== 0) continue;
    return timeOf(readElement(entry.bytes, number.end, entry.contentEnd));
  }
  return null;
}

type Scope = 'all' | 'users' | 'authorities' | 'part';

/** Of which certificates a list tells; `part` also where a critical extension is not understood, such as a delta's. */
function readScope(extensions: Element | undefined): Scope {
  if (extensions === undefined) return 'all';
  let scope: Scope = 'all';
  for (const extension of children(expectTag(children(extensions)[0], TAG.sequence))) {
    const [type, ...rest] = children(expectTag(extension, TAG.sequence));
    const oid = oidOf(type);
    const value = rest.at(-1);
    if (value === undefined) throw new DerError('extension is empty');
    if (oid === OID.issuingDistributionPoint) scope = pointScope(contentOf(value));
    else if (rest[0]?.tag === TAG.boolean && contentOf(rest[0])[0] !== 0) return 'part';
    if (scope === 'part') return 'part';
  }
  return scope;
}

/** IssuingDistributionPoint (RFC 5280 section 5.2.5). */
function pointScope(value: Uint8Array): Scope {
  const fields = children(expectTag(readElement(value), TAG.sequence));
  const isSet = (tag: number): boolean => {
    const field = fields.find(candidate => candidate.tag === tag);
    return field !== undefined && contentOf(field)[0] !== 0;
  };
  const someReasons = fields.some(({ tag }) => tag === 0x83);
  if (someReasons || isSet(0x84) || isSet(0x85)) return 'part';
  if (isSet(0x81)) return 'users';
  return isSet(0x82) ? 'authorities' : 'all';
}
