/**
 * Records of a segment file. A segment is append-only, and with the account's key it describes itself: the database can
 * be made again from its records alone.
 *
 *     0  4  magic "ARC2"
 *     4  1  kind: 1 piece, 2 ledger
 *     5  1  scheme of the content: 0 as it is, 1 zstd
 *     6  2  zero
 *     8  4  length of the content, octets, little-endian
 *    12  4  length of the sealed octets
 *    16  4  CRC-32 of the 16 octets before
 *    20     sealed octets: nonce, AES-256-GCM ciphertext, tag; header and place of the record are associated data
 */
import { hash } from 'node:crypto';
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

export const RECORD_HEADER_BYTES = 20;
export const KIND_PIECE = 1;
export const KIND_LEDGER = 2;
const SCHEME_PLAIN = 0;
const SCHEME_ZSTD = 1;
const MAGIC = 0x32435241;
const CRC_AT = 16;

export interface RecordHeader {
  readonly kind: number;
  readonly scheme: number;
  readonly length: number;
  /** Sealed octets. */
  readonly stored: number;
}

/** Content in the form in which it is sealed. */
export interface Packed {
  readonly sha256: Uint8Array;
  readonly length: number;
  readonly scheme: number;
  readonly stored: Uint8Array;
}

export function sha256(content: Uint8Array): Uint8Array {
  return hash('sha256', content, 'buffer');
}

/** Compresses where that saves a sixteenth or more. */
export function pack(content: Uint8Array): Packed {
  const digest = sha256(content);
  if (content.length >= 64) {
    const compressed = zstdCompressSync(content, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
    if (compressed.length < content.length - content.length / 16) {
      return { sha256: digest, length: content.length, scheme: SCHEME_ZSTD, stored: compressed };
    }
  }
  return { sha256: digest, length: content.length, scheme: SCHEME_PLAIN, stored: content };
}

/** Content of packed octets; null when they do not decode to `length` octets. */
export function unpack({ scheme, length }: Pick<RecordHeader, 'scheme' | 'length'>, packed: Uint8Array) {
  let content: Uint8Array;
  if (scheme === SCHEME_PLAIN) content = packed;
  else if (scheme === SCHEME_ZSTD) {
    try {
      content = zstdDecompressSync(packed, { maxOutputLength: Math.max(length, 1), chunkSize: Math.max(length, 64) });
    } catch {
      return null;
    }
  } else return null;
  return content.length === length ? content : null;
}

export function encodeHeader({ kind, scheme, length, stored }: RecordHeader): Uint8Array {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt8(kind, 4);
  header.writeUInt8(scheme, 5);
  header.writeUInt32LE(length, 8);
  header.writeUInt32LE(stored, 12);
  header.writeUInt32LE(crc32(header.subarray(0, CRC_AT)), CRC_AT);
  return header;
}

/** null when these octets are no record header. */
export function decodeHeader(octets: Uint8Array): RecordHeader | null {
  if (octets.length < RECORD_HEADER_BYTES) return null;
  const header = Buffer.from(octets.buffer, octets.byteOffset, RECORD_HEADER_BYTES);
  if (header.readUInt32LE(0) !== MAGIC || header.readUInt32LE(CRC_AT) !== crc32(header.subarray(0, CRC_AT)))
    return null;
  return {
    kind: header.readUInt8(4),
    scheme: header.readUInt8(5),
    length: header.readUInt32LE(8),
    stored: header.readUInt32LE(12),
  };
}

/** Offset of the next thing after `from` that looks like a header; -1 when there is none. */
export function findHeader(octets: Uint8Array, from: number): number {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  for (let at = buffer.indexOf('ARC2', from, 'latin1'); at !== -1; at = buffer.indexOf('ARC2', at + 1, 'latin1')) {
    if (decodeHeader(buffer.subarray(at)) !== null) return at;
  }
  return -1;
}
