/** The few DER values that signatures and time stamps are made of (X.690); reading is `pki/der.ts`. */
import { children, contentOf, DerError, encode, expectTag, readElement, TAG, wholeOf } from '../../pki/der.ts';

export const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsaPss: '1.2.840.113549.1.1.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  signatureTimestamp: '1.2.840.113549.1.9.16.2.14',
} as const;

export const DIGEST_OIDS = {
  sha256: OID.sha256,
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

export const sequence = (...items: readonly Uint8Array[]): Uint8Array => encode(TAG.sequence, items);
/** SET OF: DER wants its members in the order of their encodings. */
export const setOf = (items: readonly Uint8Array[], tag: number = TAG.set): Uint8Array =>
  encode(tag, items.toSorted(Buffer.compare));
export const octets = (bytes: Uint8Array): Uint8Array => encode(TAG.octetString, [bytes]);
export const nothing = (): Uint8Array => encode(0x05, []);
export const boolean = (value: boolean): Uint8Array => encode(TAG.boolean, [Uint8Array.of(value ? 0xff : 0)]);
/** Explicitly tagged [n]. */
export const explicit = (n: number, item: Uint8Array): Uint8Array => encode(0xa0 | n, [item]);

/** Non-negative INTEGER from big-endian octets, shortest form. */
export function integer(value: number | Uint8Array): Uint8Array {
  const bytes = typeof value === 'number' ? Uint8Array.of(value) : value;
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const shortest = bytes.subarray(start);
  const padding = ((shortest[0] ?? 0) & 0x80) === 0 ? [] : [Uint8Array.of(0)];
  return encode(TAG.integer, [...padding, shortest]);
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const content: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    content.push(...digits);
  }
  return encode(TAG.oid, [Uint8Array.from(content)]);
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5652 section 11.3). Whole seconds. */
export function time(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return Number(digits.slice(0, 4)) < 2050
    ? encode(TAG.utcTime, [Buffer.from(`${digits.slice(2)}Z`)])
    : encode(TAG.generalizedTime, [Buffer.from(`${digits}Z`)]);
}

export function generalizedTime(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return encode(TAG.generalizedTime, [Buffer.from(`${digits}Z`)]);
}

/** Issuer name and serial number of a certificate, as they stand in it: whole elements, and the serial's octets. */
export function issuerAndSerial(certificate: Uint8Array): {
  readonly issuer: Uint8Array;
  readonly serial: Uint8Array;
  readonly serialOctets: Uint8Array;
} {
  const [body] = children(expectTag(readElement(certificate), TAG.sequence));
  const fields = children(expectTag(body, TAG.sequence));
  // [0] version is left out of version 1 certificates.
  const [serial, , issuer] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (issuer === undefined) throw new DerError('certificate is incomplete');
  const number = expectTag(serial, TAG.integer);
  return { issuer: wholeOf(issuer), serial: wholeOf(number), serialOctets: contentOf(number) };
}
