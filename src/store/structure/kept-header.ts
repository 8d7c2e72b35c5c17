/** Headers as they are kept beside the messages: what clients ask for first and most, so as they are. */
import { crc32 } from 'node:zlib';

/** A row of `header`. */
export interface KeptHeader {
  /** CRC-32 of the octets. */
  readonly checksum: number;
  readonly octets: Uint8Array;
}

export function keepHeader(header: Uint8Array): KeptHeader {
  return { checksum: crc32(header), octets: new Uint8Array(header) };
}

/** null for one that is no longer what it was. */
export function soundHeader({ checksum, octets }: KeptHeader): Uint8Array | null {
  return crc32(octets) === checksum ? octets : null;
}
