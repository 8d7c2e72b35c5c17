import { decodeCharset, guessLatin1 } from './charset.ts';

/** `=?charset*language?encoding?text?=`; blanks inside the text are wrong and common (RFC 2047 section 2). */
const WORD = /=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=/g;

function wordBytes(encoding: string, text: string): Buffer {
  if (encoding === 'b' || encoding === 'B') return Buffer.from(text, 'base64');
  const octets = text
    .replace(/_/g, ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1');
}

/**
 * Decodes a header value (one character an octet): encoded words of RFC 2047 and raw UTF-8 (RFC 6532); raw octets that
 * are no UTF-8 are taken for windows-1252. Encoded words that follow each other are joined as octets first, since
 * many senders cut characters in two.
 */
export function decodeHeader(value: string): string {
  if (!value.includes('=?')) return guessLatin1(value);
  let result = '';
  let last = 0;
  let charset = '';
  let pending: Buffer[] = [];
  const flush = () => {
    if (pending.length > 0) result += decodeCharset(Buffer.concat(pending), charset).text;
    pending = [];
  };
  for (const match of value.matchAll(WORD)) {
    const label = (match[1] ?? '').replace(/\*.*$/, '').toLowerCase();
    const between = value.slice(last, match.index);
    if (last === 0 || !/^[ \t\r\n]*$/.test(between)) {
      flush();
      result += guessLatin1(between);
    }
    if (label !== charset) flush();
    charset = label;
    pending.push(wordBytes(match[2] ?? '', match[3] ?? ''));
    last = match.index + match[0].length;
  }
  flush();
  return result + guessLatin1(value.slice(last));
}

/** Encoded words of at most 75 characters (RFC 2047 section 2) for any Unicode text, divided by spaces. */
function encodeWords(text: string): string {
  const words: string[] = [];
  let chunk = '';
  let size = 0;
  for (const character of text) {
    const length = Buffer.byteLength(character);
    if (size + length > 45) {
      words.push(chunk);
      chunk = '';
      size = 0;
    }
    chunk += character;
    size += length;
  }
  words.push(chunk);
  return words.map(word => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ');
}

/** The value with its raw 8-bit words written as encoded words; a 7-bit value comes back as it is. */
export function toSevenBit(value: string): string {
  const first = value.search(/[\x80-\xff]/);
  if (first < 0) return value;
  let from = first;
  while (from > 0 && !isBlank(value, from - 1)) from--;
  let to = value.length;
  while (value.charCodeAt(to - 1) < 0x80) to--;
  while (to < value.length && !isBlank(value, to)) to++;
  return value.slice(0, from) + encodeWords(decodeHeader(value.slice(from, to))) + value.slice(to);
}

function isBlank(value: string, position: number): boolean {
  const code = value.charCodeAt(position);
  return code === 0x20 || code === 0x09;
}
