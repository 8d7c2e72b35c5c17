/**
 * Short texts of one kind, compressed with what such texts have in common. Setting up a decoder costs more than a text
 * takes, so many are expanded together.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** For what is read rarely. */
export const SMALL = 3;
/** For what is read by the thousand: without entropy coding of its literals it is expanded in a third of the time. */
export const QUICK = -3;
/** Octets that the frame of a text may take beyond the text. */
const FRAME_BYTES = 64;
/** Octets that a text takes, about. */
const USUAL_BYTES = 2048;
/** The decoder wants no less. */
const LEAST_ROOM = 64;

/** @param dictionary what such texts have in common; reading needs the same one */
export function compact(
  text: string | Uint8Array,
  dictionary: Uint8Array,
  level: typeof SMALL | typeof QUICK,
): Uint8Array {
  const content = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  return zstdCompressSync(content, {
    dictionary,
    // Both let the encoder take no more room than this text needs.
    pledgedSrcSize: content.length,
    chunkSize: content.length + FRAME_BYTES,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

/**
 * The texts one after the other, UTF-8. Throws where one is damaged.
 * @param frames so many compressed texts, one after the other (RFC 8878 section 3)
 * @param octets that they take, where it is known
 */
export function expand(
  frames: Uint8Array,
  count: number,
  dictionary: Uint8Array,
  octets: number = count * USUAL_BYTES,
): Buffer {
  return zstdDecompressSync(frames, { dictionary, chunkSize: Math.max(octets, LEAST_ROOM) });
}

/** SQL for the frames of all rows as one: a row's own buffer would cost more than what is in it. */
export function framesOf(column: string): string {
  return `CAST(group_concat(${column}, '') AS BLOB)`;
}
