import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type Database from 'better-sqlite3-multiple-ciphers';

/** A text as it stands in a row: itself, or where that is smaller its UTF-8 form under zstd. */
export type PackedText = string | Uint8Array;

/** Shorter texts gain nothing. */
const SHORT_CHARS = 200;

export function packText(text: string): PackedText {
  if (text.length < SHORT_CHARS) return text;
  const octets = Buffer.from(text);
  const packed = zstdCompressSync(octets, {
    // The coder takes no more room than this text needs.
    pledgedSrcSize: octets.length,
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  });
  return packed.length < octets.length ? packed : text;
}

export function unpackText(packed: PackedText): string {
  return typeof packed === 'string' ? packed : zstdDecompressSync(packed).toString();
}

/** `holds(packed, needle)`, 0 or 1. */
export function registerHolds(db: Database.Database): void {
  db.function('holds', { deterministic: true }, (packed, needle) => {
    const text = typeof packed === 'string' ? packed : zstdDecompressSync(packed as Uint8Array);
    return text.includes(String(needle)) ? 1 : 0;
  });
}
