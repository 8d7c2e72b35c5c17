/** Octets to characters where nobody says how they are encoded, or where the file itself does. */
import { decodeCharset } from '../mime/charset.ts';

const MARKS: readonly (readonly [mark: readonly number[], charset: string])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe, 0, 0], 'utf-32le'],
  [[0, 0, 0xfe, 0xff], 'utf-32be'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** Octets that are looked at to tell UTF-16 by its zeros. */
const SAMPLE = 512;

/** The charset that a byte order mark or the zeros of UTF-16 tell; null when nothing does. */
export function evidentCharset(bytes: Uint8Array): string | null {
  for (const [mark, charset] of MARKS) if (mark.every((octet, index) => bytes[index] === octet)) return charset;
  const zeros = [0, 0];
  const length = Math.min(SAMPLE, bytes.length) & ~1;
  for (let at = 0; at < length; at++) if (bytes[at] === 0) zeros[at & 1] = (zeros[at & 1] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  // Text of a European language in UTF-16 has a zero in nearly every other octet.
  if (length >= 8 && odd > length * 0.35 && even <= length * 0.02) return 'utf-16le';
  if (length >= 8 && even > length * 0.35 && odd <= length * 0.02) return 'utf-16be';
  return null;
}

/** Text by its byte order mark or its zeros, else as `declared`, else UTF-8, else windows-1252. Never throws. */
export function toText(bytes: Uint8Array, declared = ''): string {
  return decodeCharset(bytes, evidentCharset(bytes) ?? declared).text.replace(/^\ufeff/, '');
}

/** The charset that an XML declaration names (XML 1.0 section 4.3.3). */
export function xmlCharset(bytes: Uint8Array): string {
  return /^[^<]{0,8}<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})/.exec(head(bytes, 300))?.[1] ?? '';
}

/** The charset that an HTML document names for itself. */
export function htmlCharset(bytes: Uint8Array): string {
  return /<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})/i.exec(head(bytes, 2048))?.[1] ?? '';
}

/** The beginning of a file, one character an octet. */
export function head(bytes: Uint8Array, octets: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(octets, bytes.length)).toString('latin1');
}

/** Whether the octets can be text in some charset: hardly any control characters at the beginning. */
export function looksLikeText(bytes: Uint8Array): boolean {
  if (evidentCharset(bytes) !== null) return true;
  const sample = bytes.subarray(0, 4096);
  let odd = 0;
  for (const octet of sample) {
    if (octet === 0) return false;
    if (octet < 0x20 && octet !== 9 && octet !== 10 && octet !== 12 && octet !== 13 && octet !== 0x1b) odd++;
  }
  return odd * 100 <= sample.length;
}
