/**
 * Writing MIME (RFC 2045 to 2049). Everything is a string of 7-bit characters with CRLF line ends, made octets once at
 * the end.
 */
import type { Random } from './random.ts';

export const CRLF = '\r\n';

/** Lines of 76 characters. */
export function base64Lines(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return `${(text.match(/.{1,76}/g) ?? []).join(CRLF)}${CRLF}`;
}

const hexOctet = (octet: number) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;

/** Quoted-printable of a text with LF line ends. */
function quotedPrintable(text: string, charset: 'utf-8' | 'iso-8859-1'): string {
  const encoding = charset === 'utf-8' ? 'utf8' : 'latin1';
  // The one character of our texts that iso-8859-1 lacks.
  return (charset === 'utf-8' ? text : text.replace(/’/g, "'"))
    .split('\n')
    .map(line => softBreak(quoteLine(Buffer.from(line, encoding))))
    .join(CRLF);
}

function quoteLine(octets: Buffer): string[] {
  const pieces: string[] = [];
  octets.forEach((octet, index) => {
    const atEnd = index === octets.length - 1;
    const plain = octet > 0x20 && octet < 0x7f && octet !== 0x3d;
    pieces.push(plain || (octet === 0x20 && !atEnd) ? String.fromCharCode(octet) : hexOctet(octet));
  });
  return pieces;
}

function softBreak(pieces: readonly string[]): string {
  let line = '';
  let out = '';
  for (const piece of pieces) {
    if (line.length + piece.length > 75) {
      out += `${line}=${CRLF}`;
      line = '';
    }
    line += piece;
  }
  return out + line;
}

/** An unstructured header field, in encoded words (RFC 2047) where it is not ASCII. */
export function textField(name: string, value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return foldField(name, value);
  const words: string[] = [];
  let word = '';
  for (const character of value) {
    const encoded = encodeWordCharacter(character);
    if (word.length + encoded.length > 45) {
      words.push(word);
      word = '';
    }
    word += encoded;
  }
  words.push(word);
  return `${name}: ${words.map(part => `=?UTF-8?Q?${part}?=`).join(`${CRLF} `)}`;
}

function encodeWordCharacter(character: string): string {
  if (/^[A-Za-z0-9]$/.test(character)) return character;
  return character === ' ' ? '_' : [...Buffer.from(character, 'utf8')].map(hexOctet).join('');
}

/** Breaks a long field before a space. */
function foldField(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(' ')) {
    if (line.length + 1 + word.length > 76 && line.length > name.length + 1 && word !== '') {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join(CRLF);
}

export function boundary(random: Random): string {
  return `----=_Part_${random.between(1000, 999_999)}_${random.hex(16)}`;
}

/** A multipart entity's fields and body. `preamble` stands before the first delimiter. */
export function multipart(
  subtype: string,
  parts: readonly string[],
  delimiter: string,
  parameters = '',
  preamble = '',
): { readonly field: string; readonly body: string } {
  const field = `Content-Type: multipart/${subtype};${parameters} boundary="${delimiter}"`;
  const inner = parts.map(part => `--${delimiter}${CRLF}${part}${CRLF}`).join('');
  return { field, body: `${preamble}${inner}--${delimiter}--${CRLF}` };
}

/** A part of text in quoted-printable. */
export function textPart(text: string, subtype: 'plain' | 'html', charset: 'utf-8' | 'iso-8859-1'): string {
  return [
    `Content-Type: text/${subtype}; charset=${charset === 'utf-8' ? 'UTF-8' : charset}`,
    'Content-Transfer-Encoding: quoted-printable',
    '',
    quotedPrintable(text, charset),
  ].join(CRLF);
}

/** A part whose base64 text is at hand already. */
export function attachmentPart(contentType: string, filename: string, base64: string): string {
  return [
    `Content-Type: ${contentType}; name="${filename}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${filename}"`,
    '',
    // The line break before the next delimiter belongs to the delimiter.
    base64.endsWith(CRLF) ? base64.slice(0, -2) : base64,
  ].join(CRLF);
}
