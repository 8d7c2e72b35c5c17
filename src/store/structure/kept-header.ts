/** Headers as they are kept beside the messages: what clients ask for first and most. */
import { crc32 } from 'node:zlib';
import { PEC_DICTIONARY } from '../segment/dictionary.ts';
import { compact, expand, QUICK } from './compact.ts';

/** A row of `header`. */
export interface KeptHeader {
  /** Octets of the header. */
  readonly length: number;
  /** CRC-32 of them. */
  readonly checksum: number;
  readonly packed: Uint8Array;
}

export function packHeader(header: Uint8Array): KeptHeader {
  return { length: header.length, checksum: crc32(header), packed: compact(header, PEC_DICTIONARY, QUICK) };
}

/**
 * The headers in their order, of one buffer; null for each that is no longer what it was.
 * @param packed theirs, one after the other
 */
export function expandHeaders(
  rows: readonly Pick<KeptHeader, 'length' | 'checksum'>[],
  packed: Uint8Array,
): (Uint8Array | null)[] {
  const total = rows.reduce((sum, { length }) => sum + length, 0);
  let octets: Uint8Array;
  try {
    octets = expand(packed, rows.length, PEC_DICTIONARY, total);
  } catch {
    return rows.map(() => null);
  }
  let at = 0;
  return rows.map(({ length, checksum }) => {
    at += length;
    const header = octets.subarray(at - length, at);
    return crc32(header) === checksum ? header : null;
  });
}
