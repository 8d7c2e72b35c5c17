/** Segment files by their numbers. */
import { closeSync, fsyncSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^(\d{8})\.seg$/;

export function segmentPath(directory: string, segment: number): string {
  return join(directory, `${String(segment).padStart(8, '0')}.seg`);
}

/** Numbers of the segment files of a directory, ascending. */
export function segmentNumbers(directory: string): number[] {
  return readdirSync(directory)
    .map(name => Number(NAME.exec(name)?.[1] ?? 0))
    .filter(number => number > 0)
    .sort((a, b) => a - b);
}

/**
 * Up to `length` octets at `offset`: fewer where the file ends.
 * @param room where they are put, if they fit
 */
export function readAt(file: number, offset: number, length: number, room?: Uint8Array): Uint8Array {
  const octets = room && room.length >= length ? room.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const count = readSync(file, octets, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return octets.subarray(0, done);
}

export function syncDirectorySync(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
