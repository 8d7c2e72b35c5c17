/**
 * Records of a segment file. A segment is append-only, and with the account's key it describes itself: the database can
 * be made again from its records alone.
 *
 *     0  4  magic "ARC3"
 *     4  1  kind: 1 piece, 2 ledger
 *     5  1  scheme of the content: 0 as it is, 1 zstd, 2 zstd with the dictionary of dictionary.ts
 *     6  2  zero
 *     8  4  length of the content, octets, little-endian
 *    12  4  length of the sealed octets
 *    16  4  CRC-32 of the 16 octets before
 *    20     sealed octets: nonce, AES-256-GCM ciphertext, tag; header and place of the record are associated data
 *
 * Under the seal: 32 octets of SHA-256 of the content, then the content as its scheme says. A record that opens and names
 * the hash that is looked for holds that very content, without hashing it again: who sealed it had both from one place,
 * and read it back and compared the message before anything was told.
 */
import { hash } from 'node:crypto';
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { PEC_DICTIONARY } from './dictionary.ts';

export const RECORD_HEADER_BYTES = 20;
/** Octets of SHA-256 before the content under the seal. */
export const DIGEST_BYTES = 32;
export const KIND_PIECE = 1;
export const KIND_LEDGER = 2;
const SCHEME_PLAIN = 0;
const SCHEME_ZSTD = 1;
const SCHEME_PEC = 2;
const MAGIC = 0x33435241;
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

/** Octets that compressed ones may take beyond their content. */
const CODER_ROOM = 4096;

/** Setting up a decoder costs more than such a content takes; and such are the skeletons of messages. */
const SMALL_BYTES = 16 * 1024;
/** Contents from this size on are tried at a few places first. */
const TRIED_BYTES = 32 * 1024;
const TRIED_PLACES = [0.1, 0.5, 0.9];
const TRIED_AT_EACH = 2 * 1024;

/** Compresses where that saves a sixteenth or more. */
export function pack(content: Uint8Array): Packed {
  const digest = sha256(content);
  const { length } = content;
  if (length >= 64 && (length < TRIED_BYTES || worthwhile(sample(content), SCHEME_ZSTD) !== null)) {
    const scheme = length <= SMALL_BYTES ? SCHEME_PEC : SCHEME_ZSTD;
    const stored = worthwhile(content, scheme);
    if (stored !== null) return { sha256: digest, length, scheme, stored };
  }
  return { sha256: digest, length, scheme: SCHEME_PLAIN, stored: content };
}

/** The content compressed; null where that saves too little. */
function worthwhile(content: Uint8Array, scheme: number): Uint8Array | null {
  const compressed = zstdCompressSync(content, {
    // Both let coder and decoder take no more room than this content needs.
    pledgedSrcSize: content.length,
    chunkSize: content.length + CODER_ROOM,
    params: { [constants.ZSTD_c_compressionLevel]: scheme === SCHEME_PEC ? 4 : 3 },
    ...(scheme === SCHEME_PEC && { dictionary: PEC_DICTIONARY }),
  });
  return compressed.length < content.length - content.length / 16 ? compressed : null;
}

/** What is compressed already looks it everywhere. */
function sample(content: Uint8Array): Uint8Array {
  return Buffer.concat(
    TRIED_PLACES.map(place => {
      const at = Math.floor(content.length * place);
      return content.subarray(at, at + TRIED_AT_EACH);
    }),
  );
}

/** The packed content, of opened octets. */
export function packedIn(opened: Uint8Array): Uint8Array {
  return new Uint8Array(opened.buffer, opened.byteOffset + DIGEST_BYTES, opened.length - DIGEST_BYTES);
}

/** Content of packed octets; null when they do not decode to `length` octets. */
export function unpack({ scheme, length }: Pick<RecordHeader, 'scheme' | 'length'>, packed: Uint8Array) {
  let content: Uint8Array;
  if (scheme === SCHEME_PLAIN) content = packed;
  else if (scheme === SCHEME_ZSTD || scheme === SCHEME_PEC) {
    try {
      content = zstdDecompressSync(packed, {
        maxOutputLength: Math.max(length, 1),
        chunkSize: Math.max(length, 64),
        ...(scheme === SCHEME_PEC && { dictionary: PEC_DICTIONARY }),
      });
    } catch {
      return null;
    }
  } else return null;
  return content.length === length ? content : null;
}

/** Whether it pays to unpack a content with others. */
export function isSmall({ scheme, length }: Pick<RecordHeader, 'scheme' | 'length'>): boolean {
  return scheme !== SCHEME_PLAIN && length <= SMALL_BYTES;
}

/** Contents of small packed octets, of one buffer and with one decoder; null when they do not decode together. */
export function unpackTogether(
  headers: readonly Pick<RecordHeader, 'length'>[],
  packed: readonly Uint8Array[],
): Uint8Array[] | null {
  const length = headers.reduce((sum, header) => sum + header.length, 0);
  // A frame follows a frame (RFC 8878 section 3): each gives as much as was noted, which reading it back has proven.
  // The dictionary is in nobody's way who was packed without.
  const octets = unpack({ scheme: SCHEME_PEC, length }, Buffer.concat(packed));
  if (octets === null) return null;
  let at = 0;
  return headers.map(header => {
    at += header.length;
    return octets.subarray(at - header.length, at);
  });
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
  for (let at = buffer.indexOf('ARC3', from, 'latin1'); at !== -1; at = buffer.indexOf('ARC3', at + 1, 'latin1')) {
    if (decodeHeader(buffer.subarray(at)) !== null) return at;
  }
  return -1;
}
