import { type Decoded, decodeCharset } from './charset.ts';
import { asBuffer } from './header.ts';
import { LIMITS } from './limits.ts';
import { parameter } from './structured.ts';
import type { MimeNode } from './types.ts';

const EQUALS = 0x3d;
const LF = 0x0a;
const CR = 0x0d;

/** Value of each hex digit's octet, else -1. */
const HEX = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** Octet of the two hex digits at `position`, or -1. */
function hexAt(bytes: Uint8Array, position: number): number {
  const high = HEX[bytes[position] ?? 0] ?? -1;
  const low = HEX[bytes[position + 1] ?? 0] ?? -1;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Position after the line break that follows blanks at `position`, or -1 when something else follows. */
function softBreakEnd(bytes: Uint8Array, position: number): number {
  let i = position;
  while (bytes[i] === 0x20 || bytes[i] === 0x09) i++;
  if (i >= bytes.length) return i;
  if (bytes[i] === CR && bytes[i + 1] === LF) return i + 2;
  return bytes[i] === LF ? i + 1 : -1;
}

/** Quoted-printable (RFC 2045 section 6.7); an `=` that means nothing stands for itself. */
export function decodeQuotedPrintable(bytes: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let i = 0;
  // Where the blanks at the end of the output begin: they are not part of the data when a line ends after them.
  let solid = 0;
  while (i < bytes.length) {
    const octet = bytes[i] ?? 0;
    if (octet === EQUALS) {
      const value = hexAt(bytes, i + 1);
      if (value >= 0) {
        out[length++] = value;
        i += 3;
        solid = length;
        continue;
      }
      const next = softBreakEnd(bytes, i + 1);
      if (next >= 0) {
        i = next;
        solid = length;
        continue;
      }
    } else if (octet === LF || (octet === CR && bytes[i + 1] === LF)) length = solid;
    out[length++] = octet;
    i++;
    if (octet !== 0x20 && octet !== 0x09) solid = length;
  }
  return out.subarray(0, length);
}

/** Value of each octet of the base64 alphabet, else -1. */
const BASE64 = new Int8Array(256).fill(-1);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].forEach((character, value) => {
  BASE64[character.charCodeAt(0)] = value;
});

/**
 * Base64 (RFC 2045 section 6.8): what is not of the alphabet is passed over; padding ends a group, and data after it
 * (two encoded runs put one after the other) is decoded too, where Node's own decoder would stop.
 */
export class Base64Decoder {
  /** The bits of an unfinished group, and how many they are: a decoder made with them goes on where this one is. */
  bits: number;
  count: number;

  constructor(bits = 0, count = 0) {
    this.bits = bits;
    this.count = count;
  }

  decode(bytes: Uint8Array): Buffer {
    const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 3 + 3) / 4));
    let length = 0;
    let { bits, count } = this;
    for (let i = 0; i < bytes.length; i++) {
      const octet = bytes[i] ?? 0;
      const value = BASE64[octet] ?? -1;
      if (value >= 0) {
        bits = ((bits << 6) | value) & 0xffffff;
        count += 6;
        if (count >= 8) {
          count -= 8;
          out[length++] = (bits >> count) & 0xff;
        }
      } else if (octet === EQUALS) count = 0;
    }
    this.bits = bits;
    this.count = count;
    return out.subarray(0, length);
  }
}

export function decodeBase64(bytes: Uint8Array): Buffer {
  return new Base64Decoder().decode(bytes);
}

/** The node's body without its Content-Transfer-Encoding (RFC 2045 section 6). An unknown encoding is left as it is. */
export function decodeBody(raw: Uint8Array, node: MimeNode): Uint8Array {
  return decodeTransfer(asBuffer(raw).subarray(node.bodyStart, node.bodyEnd), node.encoding);
}

/** Like `decodeBody`, of at most `LIMITS.decodedPart` encoded octets. */
export function decodeBodyStart(raw: Uint8Array, node: MimeNode): Buffer {
  const end = Math.min(node.bodyEnd, node.bodyStart + LIMITS.decodedPart);
  return decodeTransfer(asBuffer(raw).subarray(node.bodyStart, end), node.encoding);
}

function decodeTransfer(body: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') return decodeBase64(body);
  return encoding === 'quoted-printable' ? decodeQuotedPrintable(body) : body;
}

/** Octets as text by the node's charset parameter. */
export function decodeNodeCharset(bytes: Uint8Array, node: MimeNode): Decoded {
  return decodeCharset(bytes, parameter(node.parameters, 'charset') ?? '');
}

/** The node's body as text: transfer encoding and charset undone, best effort. */
export function decodeText(raw: Uint8Array, node: MimeNode): string {
  return decodeNodeCharset(decodeBody(raw, node), node).text;
}
