/**
 * A reader for ASN.1 in BER and DER (X.690), indefinite lengths included. It reads in place and copies nothing; every
 * fault is a DerError. Signatures of gestori come in both encodings, thousands a minute at ingest, which is why this is
 * not a general ASN.1 library.
 */

export class DerError extends Error {
  override name = 'DerError';
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Nesting that no certificate or signature needs; a guard of the stack. */
const MAX_DEPTH = 48;

export interface Element {
  /** Identifier octet: class, constructed bit and tag number (below 31). */
  readonly tag: number;
  /** First octet of the identifier. */
  readonly start: number;
  /** First octet of the content. */
  readonly contentStart: number;
  /** End of the content, without the end-of-contents octets of an indefinite length. */
  readonly contentEnd: number;
  /** End of the whole element. */
  readonly end: number;
  readonly indefinite: boolean;
  readonly bytes: Uint8Array;
}

/** Reads the element at `start`; it must end at or before `limit`. */
export function readElement(bytes: Uint8Array, start = 0, limit = bytes.length, depth = 0): Element {
  if (depth > MAX_DEPTH) throw new DerError('nested too deeply');
  const tag = octet(bytes, start, limit);
  if ((tag & 0x1f) === 0x1f) throw new DerError('tag numbers above 30 are not used here');
  const first = octet(bytes, start + 1, limit);
  if (first === 0x80) return readIndefinite(bytes, tag, start, limit, depth);
  let contentStart = start + 2;
  let length = first;
  if (first > 0x80) {
    const count = first & 0x7f;
    if (count > 6) throw new DerError('length too large');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + octet(bytes, contentStart++, limit);
  }
  const end = contentStart + length;
  if (end > limit) throw new DerError('element runs past its end');
  return { tag, start, contentStart, contentEnd: end, end, indefinite: false, bytes };
}

function readIndefinite(bytes: Uint8Array, tag: number, start: number, limit: number, depth: number): Element {
  if ((tag & 0x20) === 0) throw new DerError('indefinite length of a primitive element');
  let at = start + 2;
  while (octet(bytes, at, limit) !== 0 || octet(bytes, at + 1, limit) !== 0) {
    at = readElement(bytes, at, limit, depth + 1).end;
  }
  return { tag, start, contentStart: start + 2, contentEnd: at, end: at + 2, indefinite: true, bytes };
}

function octet(bytes: Uint8Array, at: number, limit: number): number {
  const value = at < limit ? bytes[at] : undefined;
  if (value === undefined) throw new DerError('truncated');
  return value;
}

/** Elements inside a constructed one, in order. */
export function children(element: Element): Element[] {
  if ((element.tag & 0x20) === 0) throw new DerError('not a constructed element');
  const found: Element[] = [];
  for (let at = element.contentStart; at < element.contentEnd; ) {
    const child = readElement(element.bytes, at, element.contentEnd);
    found.push(child);
    at = child.end;
  }
  return found;
}

/** The element, if it is there and has this tag. */
export function expectTag(element: Element | undefined, tag: number): Element {
  if (element === undefined) throw new DerError('element missing');
  if (element.tag !== tag) throw new DerError(`tag ${element.tag.toString(16)} where ${tag.toString(16)} belongs`);
  return element;
}

/** The element's octets with identifier and length. */
export function wholeOf(element: Element): Uint8Array {
  return element.bytes.subarray(element.start, element.end);
}

/** The element's octets without identifier and length. */
export function contentOf(element: Element): Uint8Array {
  return element.bytes.subarray(element.contentStart, element.contentEnd);
}

/** Octets of an OCTET STRING, joined when BER splits it (X.690 section 8.7.3). */
export function octetString(element: Element, depth = 0): Uint8Array {
  if ((element.tag & 0x20) === 0) return contentOf(element);
  if (depth > MAX_DEPTH) throw new DerError('nested too deeply');
  const pieces = children(element).map(piece => octetString(piece, depth + 1));
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

/** Dotted form of an OBJECT IDENTIFIER. */
export function oidOf(element: Element | undefined): string {
  const content = contentOf(expectTag(element, TAG.oid));
  if (content.length === 0 || content.length > 64) throw new DerError('object identifier of odd length');
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(value / 40));
      arcs.push(root, value - root * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join('.');
}

/** A small non-negative INTEGER. */
export function smallInteger(element: Element): number {
  let value = 0;
  for (const byte of contentOf(element)) value = value * 256 + byte;
  if (!Number.isSafeInteger(value)) throw new DerError('integer too large');
  return value;
}

/** UTCTime or GeneralizedTime in milliseconds since the epoch (RFC 5280 section 4.1.2.5; a missing zone is UTC). */
export function timeOf(element: Element | undefined): number {
  if (element === undefined) throw new DerError('time missing');
  const text = Buffer.from(contentOf(element)).toString('latin1');
  const years = element.tag === TAG.generalizedTime ? 4 : element.tag === TAG.utcTime ? 2 : 0;
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?(?:Z|([+-])(\d\d)(\d\d))?$/.exec(text);
  if (match === null || match[1]?.length !== years) throw new DerError('not a time');
  const [, year = '', month, day, hour, minute, second = '0', sign, zoneHour = '0', zoneMinute = '0'] = match;
  const fullYear = years === 4 ? Number(year) : Number(year) + (Number(year) < 50 ? 2000 : 1900);
  const utc = Date.UTC(fullYear, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000;
  return sign === undefined ? utc : sign === '+' ? utc - offset : utc + offset;
}

/** The element once more in DER: definite shortest lengths, SET OF sorted (X.690 section 10 and 11.6). */
export function toDer(element: Element, tag = element.tag, depth = 0): Uint8Array {
  if (depth > MAX_DEPTH) throw new DerError('nested too deeply');
  if ((element.tag & 0x20) === 0) return encode(tag, [contentOf(element)]);
  const inner = children(element).map(child => toDer(child, child.tag, depth + 1));
  if (tag === TAG.set) inner.sort(Buffer.compare);
  return encode(tag, inner);
}

/** One DER element of the given identifier octet around the joined contents. */
export function encode(tag: number, contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  const header = [tag];
  if (length < 0x80) header.push(length);
  else {
    const octets: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
    header.push(0x80 | octets.length, ...octets);
  }
  return Buffer.concat([Uint8Array.from(header), ...contents], header.length + length);
}
