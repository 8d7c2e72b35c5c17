import { isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { asBuffer } from './header.ts';

/** Decoded text, and what was wrong with the bytes or their label. */
export interface Decoded {
  readonly text: string;
  /** English, short; absent when every byte was understood. */
  readonly problem?: string;
}

const decoders = new Map<string, TextDecoder | null>();

function decoderFor(label: string): TextDecoder | null {
  const known = decoders.get(label);
  if (known !== undefined) return known;
  let decoder: TextDecoder | null = null;
  try {
    decoder = new TextDecoder(label);
  } catch {
    decoder = null;
  }
  // Labels come from outside: the cache is bounded.
  if (decoders.size >= 200) decoders.clear();
  decoders.set(label, decoder);
  return decoder;
}

/** Bytes without a trustworthy label: UTF-8 when they are valid UTF-8, else windows-1252, which takes any octet. */
function guessText(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return asBuffer(bytes).toString('utf8');
  return new TextDecoder('windows-1252').decode(bytes);
}

/** Text of one character an octet, as header values are read, taken for raw UTF-8 or windows-1252. */
export function guessLatin1(text: string): string {
  return /[\x80-\xff]/.test(text) ? guessText(Buffer.from(text, 'latin1')) : text;
}

/** Decodes by a charset name as mail spells it (RFC 2045 section 5.1). Never throws: best effort and a `problem`. */
export function decodeCharset(bytes: Uint8Array, charset: string): Decoded {
  const label = charset.trim().toLowerCase().replace(/^"|"$/g, '');
  if (label === '' || /^(us-ascii|ascii|ansi_x3\.4-1968)$/.test(label)) {
    // 8-bit text under an ASCII label is common and nearly always one of these two.
    return { text: guessText(bytes) };
  }
  if (/^utf-?8$/.test(label)) {
    if (isUtf8(bytes)) return { text: asBuffer(bytes).toString('utf8') };
    return { text: asBuffer(bytes).toString('utf8'), problem: 'invalid utf-8' };
  }
  const decoder = label.length <= 64 ? decoderFor(label) : null;
  if (decoder && decoder.encoding !== 'replacement') return { text: decoder.decode(bytes) };
  if (label.length <= 64 && iconv.encodingExists(label)) {
    try {
      return { text: iconv.decode(asBuffer(bytes), label) };
    } catch {
      return { text: guessText(bytes), problem: `cannot decode charset ${label}` };
    }
  }
  return { text: guessText(bytes), problem: `unknown charset ${label.slice(0, 64)}` };
}
