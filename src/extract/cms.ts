/**
 * What lies in a `.p7m` (CMS SignedData, RFC 5652) or a `.tsd` (RFC 5544), without any check of the signature. More
 * lenient than the reader that verifies: any number of signers, and what cannot be understood but the content is passed
 * over.
 */
import { decodeBase64 } from '../mime/transfer.ts';
import {
  children,
  contentOf,
  DerError,
  type Element,
  expectTag,
  octetString,
  oidOf,
  readElement,
  TAG,
} from '../pki/der.ts';
import { head } from './characters.ts';
import { UnreadableError } from './reading.ts';

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  encryptedData: '1.2.840.113549.1.7.6',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  timeStampedData: '1.2.840.113549.1.9.16.1.31',
  timeStampInfo: '1.2.840.113549.1.9.16.1.4',
} as const;

const ENCRYPTED: ReadonlySet<string> = new Set([OID.envelopedData, OID.encryptedData, OID.authEnvelopedData]);

/** Attributes of a signer's name that people search for: common name, serial number (codice fiscale), organization. */
const NAME_ATTRIBUTES: ReadonlySet<string> = new Set(['2.5.4.3', '2.5.4.5', '2.5.4.10']);

const BMP_STRING = 0x1e;
const CONSTRUCTED = 0x20;

export interface SignedEnvelope {
  /** Null when the signature is detached, or is about a time stamp. */
  readonly content: Uint8Array | null;
  /** Names of those who signed, as their certificates have them. */
  readonly signers: readonly string[];
}

/** Octets of the identifier and the length of two elements and an OID: enough to tell CMS from anything else. */
const BEGINNING = 64;

/**
 * DER or BER of the CMS object that a file holds: as it is, in PEM, or in bare base64. Null when it holds none; then it
 * is something else.
 */
export function cmsOctets(bytes: Uint8Array): Uint8Array | null {
  if (beginsAsCms(bytes)) return bytes;
  const text = head(bytes, 4096).replace(/^(?:\xef\xbb\xbf)?\s+/, '');
  const armour = /^[^\x00-\x08]{0,2000}?-----BEGIN (?:PKCS ?#?7|CMS|SIGNED MESSAGE|PKCS #7 SIGNED DATA)-----/.exec(
    text,
  );
  if (armour) {
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const start = whole.indexOf('\n', whole.indexOf('-----BEGIN '));
    const end = whole.indexOf('-----END ', start);
    const decoded = decodeBase64(whole.subarray(start, end < 0 ? whole.length : end));
    return beginsAsCms(decoded) ? decoded : null;
  }
  // A sequence whose length is indefinite (MIA) or takes up to four octets (MIE to MIT).
  if (!/^MI[A-T][A-Za-z0-9+/\s]{20}/.test(text)) return null;
  return beginsAsCms(decodeBase64(Buffer.from(text.slice(0, 2 * BEGINNING), 'latin1'))) ? decodeBase64(bytes) : null;
}

function beginsAsCms(bytes: Uint8Array): boolean {
  return bytes[0] === TAG.sequence && contentTypeOf(bytes.subarray(0, BEGINNING)) !== null;
}

/** OID of a ContentInfo, from its first octets alone. */
function contentTypeOf(beginning: Uint8Array): string | null {
  const length = beginning[1] ?? 0;
  const at = length > 0x80 ? 2 + (length & 0x7f) : 2;
  try {
    const oid = oidOf(readElement(beginning, at));
    return oid.startsWith('1.2.840.113549.1.') ? oid : null;
  } catch {
    return null;
  }
}

/** Throws an UnreadableError when it is encrypted or broken. */
export function openEnvelope(cms: Uint8Array, maxCertificates: number): SignedEnvelope {
  const type = contentTypeOf(cms.subarray(0, BEGINNING)) ?? '';
  if (ENCRYPTED.has(type)) throw new UnreadableError('encrypted');
  try {
    if (type === OID.signedData) return openSigned(cms, maxCertificates);
    if (type === OID.timeStampedData) return openStamped(cms);
  } catch (error) {
    if (error instanceof DerError) throw new UnreadableError(`the signature envelope is damaged: ${error.message}`);
    throw error;
  }
  throw new UnreadableError(`CMS of type ${type} is not read`);
}

/** The structure that a ContentInfo holds. */
function contentInfo(cms: Uint8Array): Element[] {
  const [, explicit] = elements(expectTag(readElement(cms), TAG.sequence), 2);
  const [structure] = elements(expectTag(explicit, 0xa0), 1);
  return elements(expectTag(structure, TAG.sequence), 16);
}

function openSigned(cms: Uint8Array, maxCertificates: number): SignedEnvelope {
  // version, digestAlgorithms, encapContentInfo, [0] certificates, [1] crls, signerInfos
  const [, , encapsulated, ...rest] = contentInfo(cms);
  const [contentType, explicit] = elements(expectTag(encapsulated, TAG.sequence), 2);
  const content = explicit === undefined ? undefined : elements(expectTag(explicit, 0xa0), 1)[0];
  const stamp = oidOf(contentType) === OID.timeStampInfo;
  return {
    content: content === undefined || stamp ? null : joined(content),
    signers: stamp ? [] : signersOf(rest, maxCertificates),
  };
}

/** TimeStampedData: version, dataUri, metaData, content, temporalEvidence. */
function openStamped(cms: Uint8Array): SignedEnvelope {
  const content = contentInfo(cms).find(element => (element.tag & ~CONSTRUCTED) === TAG.octetString);
  return { content: content === undefined ? null : joined(content), signers: [] };
}

/** The first elements inside a constructed one. */
function elements(element: Element, limit: number): Element[] {
  const found: Element[] = [];
  for (let at = element.contentStart; at < element.contentEnd && found.length < limit; ) {
    const child = readElement(element.bytes, at, element.contentEnd);
    found.push(child);
    at = child.end;
  }
  return found;
}

/** An OCTET STRING that BER may have split into any number of pieces; a list of them would cost more than the content. */
function joined(element: Element): Uint8Array {
  if ((element.tag & CONSTRUCTED) === 0) {
    // Some programs put the content there itself, with no OCTET STRING around it (PKCS #7 version 1.5).
    return element.tag === TAG.octetString ? contentOf(element) : element.bytes.subarray(element.start, element.end);
  }
  if ((element.tag & ~CONSTRUCTED) !== TAG.octetString) return element.bytes.subarray(element.start, element.end);
  const out = Buffer.allocUnsafe(element.contentEnd - element.contentStart);
  let length = 0;
  for (let at = element.contentStart; at < element.contentEnd; ) {
    const piece = readElement(element.bytes, at, element.contentEnd);
    const octets = octetString(piece);
    out.set(octets, length);
    length += octets.length;
    at = piece.end;
  }
  return out.subarray(0, length);
}

/** Names from the certificates that belong to the signers; never fails, since the content matters more. */
function signersOf(fields: readonly Element[], maxCertificates: number): string[] {
  try {
    const set = fields.find(field => field.tag === 0xa0);
    const infos = fields.findLast(field => field.tag === TAG.set);
    if (set === undefined || infos === undefined) return [];
    const serials = new Set(elements(infos, maxCertificates).map(signerSerial));
    return elements(set, maxCertificates).flatMap(certificate => certificateName(certificate, serials));
  } catch {
    return [];
  }
}

/** SignerInfo: version, issuer and serial number. */
function signerSerial(info: Element): string {
  const [, id] = elements(info, 2);
  const serial = id?.tag === TAG.sequence ? elements(id, 2)[1] : undefined;
  return serial === undefined ? '' : hex(contentOf(serial));
}

function certificateName(certificate: Element, serials: ReadonlySet<string>): string[] {
  try {
    const [tbs] = elements(expectTag(certificate, TAG.sequence), 1);
    const fields = elements(expectTag(tbs, TAG.sequence), 7);
    if (fields[0]?.tag === 0xa0) fields.shift(); // version
    const [serial, , , , subject] = fields;
    if (serial === undefined || !serials.has(hex(contentOf(serial)))) return [];
    const name = nameText(expectTag(subject, TAG.sequence));
    return name === '' ? [] : [name];
  } catch {
    return [];
  }
}

function nameText(subject: Element): string {
  const found: string[] = [];
  for (const set of children(subject)) {
    for (const attribute of children(set)) {
      const [type, value] = children(attribute);
      if (value !== undefined && NAME_ATTRIBUTES.has(oidOf(type))) found.push(directoryString(value));
    }
  }
  return found.join(' ').slice(0, 1000);
}

function directoryString(value: Element): string {
  const octets = Buffer.from(contentOf(value));
  if (value.tag === BMP_STRING) return octets.length % 2 === 0 ? octets.swap16().toString('utf16le') : '';
  return octets.toString('utf8');
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}
