/**
 * A certificate as path validation reads it (RFC 5280): names and extensions by our own reader, since
 * node:crypto's X509Certificate shows neither key usage nor name constraints; the signature by node:crypto.
 */
import { X509Certificate } from 'node:crypto';
import {
  children,
  contentOf,
  DerError,
  type Element,
  expectTag,
  octetString,
  oidOf,
  readElement,
  smallInteger,
  TAG,
  timeOf,
  wholeOf,
} from './der.ts';

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extKeyUsage: '2.5.29.37',
  crlDistributionPoints: '2.5.29.31',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  emailAddress: '1.2.840.113549.1.9.1',
} as const;

const OCSP = '1.3.6.1.5.5.7.48.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';

/** Extensions that may be critical: understood here, or without effect on a signature's validity. */
const UNDERSTOOD = new Set<string>([
  ...Object.values(OID),
  '2.5.29.32', // certificatePolicies
  '2.5.29.35', // authorityKeyIdentifier
]);

export interface ParsedCertificate {
  readonly der: Uint8Array;
  readonly x509: X509Certificate;
  /** DER of the names. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  /** Content octets. */
  readonly serial: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly authority: boolean;
  readonly pathLength: number | null;
  /** First 16 bits of KeyUsage, digitalSignature the highest; null when there is no such extension. */
  readonly keyUsage: number | null;
  /** OIDs; null when there is no such extension. */
  readonly extendedKeyUsage: readonly string[] | null;
  readonly subjectKeyIdentifier: Uint8Array | null;
  /** rfc822Name of subjectAltName and emailAddress of the subject, as written. */
  readonly emails: readonly string[];
  readonly permittedEmails: readonly string[] | null;
  readonly excludedEmails: readonly string[];
  /** http addresses of the issuer's complete revocation lists. */
  readonly crlUrls: readonly string[];
  /** http addresses of the issuer's responders (RFC 6960). */
  readonly ocspUrls: readonly string[];
  /** http addresses of the issuer's own certificate. */
  readonly issuerUrls: readonly string[];
  /** OIDs of critical extensions that nothing here understands. */
  readonly unknownCritical: readonly string[];
}

export const KEY_USAGE = {
  digitalSignature: 0x8000,
  nonRepudiation: 0x4000,
  keyCertSign: 0x0400,
  cRLSign: 0x0200,
} as const;

/** Throws a DerError, or what node:crypto throws, when the bytes are no certificate. */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  const [tbs] = children(expectTag(readElement(der), TAG.sequence));
  const fields = children(expectTag(tbs, TAG.sequence));
  if (fields[0]?.tag === 0xa0) fields.shift(); // version
  const [serial, , issuer, validity, subject] = fields;
  const [notBefore, notAfter] = children(expectTag(validity, TAG.sequence));
  const extensions = readExtensions(fields.find(field => field.tag === 0xa3));
  const value = (oid: string) => extensions.get(oid)?.value;
  const constraints = basicConstraints(value(OID.basicConstraints));
  const names = nameConstraints(value(OID.nameConstraints));
  const keyId = value(OID.subjectKeyIdentifier);
  return {
    der,
    x509: new X509Certificate(der),
    subject: wholeOf(expectTag(subject, TAG.sequence)),
    issuer: wholeOf(expectTag(issuer, TAG.sequence)),
    serial: contentOf(expectTag(serial, TAG.integer)),
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
    ...constraints,
    keyUsage: keyUsage(value(OID.keyUsage)),
    extendedKeyUsage: value(OID.extKeyUsage) === undefined ? null : listOf(value(OID.extKeyUsage)).map(oidOf),
    subjectKeyIdentifier: keyId === undefined ? null : octetString(keyId),
    emails: [...emailsOf(listOf(value(OID.subjectAltName))), ...subjectEmails(expectTag(subject, TAG.sequence))],
    ...names,
    crlUrls: distributionPoints(value(OID.crlDistributionPoints)),
    ocspUrls: accessUrls(value(OID.authorityInfoAccess), OCSP),
    issuerUrls: accessUrls(value(OID.authorityInfoAccess), CA_ISSUERS),
    unknownCritical: [...extensions]
      .filter(([oid, extension]) => extension.critical && !UNDERSTOOD.has(oid))
      .map(([oid]) => oid),
  };
}

function readExtensions(element: Element | undefined): Map<string, { critical: boolean; value: Element }> {
  const extensions = new Map<string, { critical: boolean; value: Element }>();
  for (const extension of element === undefined ? [] : listOf(children(element)[0])) {
    const [type, ...rest] = children(expectTag(extension, TAG.sequence));
    const critical = rest[0]?.tag === TAG.boolean && contentOf(rest[0])[0] !== 0;
    const oid = oidOf(type);
    if (extensions.has(oid)) throw new DerError('extension given twice');
    extensions.set(oid, { critical, value: readElement(octetString(expectTag(rest.at(-1), TAG.octetString))) });
  }
  return extensions;
}

function listOf(element: Element | undefined): Element[] {
  return element === undefined ? [] : children(expectTag(element, TAG.sequence));
}

function basicConstraints(element: Element | undefined): { authority: boolean; pathLength: number | null } {
  const fields = listOf(element);
  const authority = fields[0]?.tag === TAG.boolean && contentOf(fields[0])[0] !== 0;
  const length = fields.find(field => field.tag === TAG.integer);
  return { authority, pathLength: length === undefined ? null : smallInteger(length) };
}

function keyUsage(element: Element | undefined): number | null {
  if (element === undefined) return null;
  const [, first = 0, second = 0] = contentOf(expectTag(element, TAG.bitString));
  return (first << 8) | second;
}

/** Names of a whole list at its issuer's (RFC 5280 section 4.2.1.13); those of parts or of other issuers are left out. */
function distributionPoints(element: Element | undefined): string[] {
  return listOf(element).flatMap(point => {
    const fields = children(expectTag(point, TAG.sequence));
    const [name] = fields;
    if (fields.length !== 1 || name?.tag !== 0xa0) return [];
    const [full] = children(name);
    if (full?.tag !== 0xa0) return [];
    const urls = children(full).filter(({ tag }) => tag === 0x86);
    return urls.map(text).filter(url => /^http:\/\//i.test(url));
  });
}

/** AuthorityInfoAccess (RFC 5280 section 4.2.2.1). */
function accessUrls(element: Element | undefined, wanted: string): string[] {
  return listOf(element).flatMap(access => {
    const [method, location] = children(expectTag(access, TAG.sequence));
    if (oidOf(method) !== wanted || location?.tag !== 0x86) return [];
    return [text(location)].filter(url => /^http:\/\//i.test(url));
  });
}

/** rfc822Name among GeneralNames. */
function emailsOf(names: readonly Element[]): string[] {
  return names.filter(name => name.tag === 0x81).map(text);
}

function subjectEmails(subject: Element): string[] {
  const attributes = children(subject).flatMap(set => children(expectTag(set, TAG.set)));
  return attributes.flatMap(attribute => {
    const [type, value] = children(expectTag(attribute, TAG.sequence));
    return value !== undefined && oidOf(type) === OID.emailAddress ? [text(value)] : [];
  });
}

function text(element: Element): string {
  return Buffer.from(contentOf(element)).toString('utf8');
}

/** rfc822Name subtrees (RFC 5280 section 4.2.1.10); other forms of name say nothing about a gestore's address. */
function nameConstraints(element: Element | undefined): {
  permittedEmails: string[] | null;
  excludedEmails: string[];
} {
  const fields = listOf(element);
  const subtrees = (tag: number): string[] => {
    const field = fields.find(candidate => candidate.tag === tag);
    const bases = field === undefined ? [] : children(field).flatMap(subtree => children(subtree).slice(0, 1));
    return emailsOf(bases).map(base => base.toLowerCase());
  };
  const permitted = subtrees(0xa0);
  return { permittedEmails: permitted.length > 0 ? permitted : null, excludedEmails: subtrees(0xa1) };
}

/** Whether a mailbox lies in a subtree: a whole address, a host, or `.domain` for everything below a domain. */
export function inSubtree(email: string, base: string): boolean {
  const address = email.toLowerCase();
  if (base.includes('@')) return address === base;
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return base.startsWith('.') ? domain.endsWith(base) : domain === base;
}
