/**
 * Records of a segment file. A segment is append-only and describes itself: the account's database can be rebuilt from
 * its records alone.
 *
 *     0  4  magic "ARC1"
 *     4  1  kind: 1 piece, 2 manifest
 *     5  1  scheme of the stored octets: 0 as they are, 1 zstd
 *     6  2  zero
 *     8  4  length of the content, octets, little-endian
 *    12  4  length of the stored octets
 *    16 32  SHA-256 of the content
 *    48  4  CRC-32 of the 48 octets before
 *    52     stored octets
 */
import { createHash } from 'node:crypto';
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

export const RECORD_HEADER_BYTES = 52;
export const KIND_PIECE = 1;
export const KIND_MANIFEST = 2;
const SCHEME_PLAIN = 0;
const SCHEME_ZSTD = 1;
const MAGIC = 0x31435241;

export interface RecordHeader {
  readonly kind: number;
  readonly scheme: number;
  readonly length: number;
  readonly stored: number;
  readonly sha256: Uint8Array;
}

/** Content in the form in which it is stored. */
export interface Packed {
  readonly sha256: Uint8Array;
  readonly length: number;
  readonly scheme: number;
  readonly stored: Uint8Array;
}

export function sha256(content: Uint8Array): Uint8Array {
  return createHash('sha256').update(content).digest();
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

/** Content of stored octets; null when they do not decode to `length` octets with that digest. */
export function unpack(header: Omit<RecordHeader, 'kind' | 'stored'>, stored: Uint8Array): Uint8Array | null {
  let content: Uint8Array;
  if (header.scheme === SCHEME_PLAIN) content = stored;
  else if (header.scheme === SCHEME_ZSTD) {
    try {
      content = zstdDecompressSync(stored, { maxOutputLength: Math.max(header.length, 1) });
    } catch {
      return null;
    }
  } else return null;
  if (content.length !== header.length) return null;
  return Buffer.compare(sha256(content), header.sha256) === 0 ? content : null;
}

export function encodeHeader(kind: number, packed: Packed): Uint8Array {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt8(kind, 4);
  header.writeUInt8(packed.scheme, 5);
  header.writeUInt32LE(packed.length, 8);
  header.writeUInt32LE(packed.stored.length, 12);
  header.set(packed.sha256, 16);
  header.writeUInt32LE(crc32(header.subarray(0, 48)), 48);
  return header;
}

/** null when these octets are no record header. */
export function decodeHeader(octets: Uint8Array): RecordHeader | null {
  if (octets.length < RECORD_HEADER_BYTES) return null;
  const header = Buffer.from(octets.buffer, octets.byteOffset, RECORD_HEADER_BYTES);
  if (header.readUInt32LE(0) !== MAGIC || header.readUInt32LE(48) !== crc32(header.subarray(0, 48))) return null;
  return {
    kind: header.readUInt8(4),
    scheme: header.readUInt8(5),
    length: header.readUInt32LE(8),
    stored: header.readUInt32LE(12),
    sha256: Uint8Array.from(header.subarray(16, 48)),
  };
}
