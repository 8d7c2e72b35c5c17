import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { SEGMENT_BYTES } from '../limits.ts';
import { StoreError } from '../types.ts';
import { encodeHeader, KIND_PIECE, type Packed, RECORD_HEADER_BYTES } from './format.ts';

/** Where a record begins. */
export interface Location {
  readonly segment: number;
  readonly offset: number;
}

/** What start-up did to the segment files. */
export interface SegmentRepair {
  readonly cutBytes: number;
  readonly removedFiles: number;
  /** Segments shorter than the database says: damage that verify must look into. */
  readonly short: readonly number[];
}

const NAME = /^(\d{8})\.seg$/;
const WRITE_RUN = 4 * 1024 * 1024;
const MAX_OPEN_FILES = 8;

/**
 * The segment files of one account. Writing is two steps: `append` puts octets after the last committed record,
 * `sync` makes them durable; the database then commits the new length. What lies past the committed length has never
 * been acknowledged and is overwritten or cut.
 */
export class Segments {
  readonly #directory: string;
  readonly #files = new Map<number, number>();
  #number: number;
  #length: number;
  #directoryDirty = false;
  #failed = false;

  constructor(directory: string, committed: { readonly number: number; readonly length: number }) {
    this.#directory = directory;
    this.#number = committed.number;
    this.#length = committed.length;
  }

  /** Current segment and its length, as the next commit must record it. */
  get position(): { readonly number: number; readonly length: number } {
    return { number: this.#number, length: this.#length };
  }

  /** Begins a new file when the current one is full. Called before a batch, which lies in one file as a whole. */
  roll(): void {
    if (this.#length < SEGMENT_BYTES) return;
    this.#number += 1;
    this.#length = 0;
  }

  /** Appends records; their locations in order. */
  append(records: readonly { readonly kind: number; readonly packed: Packed }[]): Location[] {
    if (this.#failed) throw new StoreError('UNAVAILABLE', 'Archivio momentaneamente non disponibile');
    const file = this.#open(this.#number, true);
    const locations: Location[] = [];
    let run: Uint8Array[] = [];
    let runBytes = 0;
    const flush = (): void => {
      writeAll(file, run.length === 1 ? (run[0] as Uint8Array) : Buffer.concat(run), this.#length - runBytes);
      run = [];
      runBytes = 0;
    };
    for (const { kind, packed } of records) {
      locations.push({ segment: this.#number, offset: this.#length });
      const header = encodeHeader(kind, packed);
      run.push(header, packed.stored);
      runBytes += header.length + packed.stored.length;
      this.#length += header.length + packed.stored.length;
      if (runBytes >= WRITE_RUN) flush();
    }
    if (runBytes > 0) flush();
    return locations;
  }

  /** A flush failed: the kernel may have dropped octets, and nothing more is taken. */
  get failed(): boolean {
    return this.#failed;
  }

  sync(): void {
    try {
      fdatasyncSync(this.#open(this.#number, true));
      if (this.#directoryDirty) {
        syncDirectory(this.#directory);
        this.#directoryDirty = false;
      }
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** Forgets what was appended after `position`. */
  reset(position: { readonly number: number; readonly length: number }): void {
    this.#number = position.number;
    this.#length = position.length;
    try {
      ftruncateSync(this.#open(position.number, true), position.length);
    } catch {
      // The next start cuts it; until then the next batch overwrites it.
    }
  }

  /** Stored octets of a record, without its header. Short when the file is. */
  read(location: Location, stored: number): Uint8Array {
    const octets = Buffer.allocUnsafeSlow(stored);
    let file: number;
    try {
      file = this.#open(location.segment, false);
    } catch {
      return new Uint8Array(0);
    }
    let done = 0;
    while (done < stored) {
      const count = readSync(file, octets, done, stored - done, location.offset + RECORD_HEADER_BYTES + done);
      if (count === 0) break;
      done += count;
    }
    return octets.subarray(0, done);
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #open(segment: number, write: boolean): number {
    const known = this.#files.get(segment);
    if (known !== undefined) return known;
    const path = join(this.#directory, segmentName(segment));
    let file: number;
    if (!write && segment !== this.#number) file = openSync(path, 'r');
    else {
      try {
        file = openSync(path, 'r+');
      } catch (error) {
        if (!write || !(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
        file = openSync(path, 'wx+');
        this.#directoryDirty = true;
      }
    }
    this.#files.set(segment, file);
    for (const [other, descriptor] of this.#files) {
      if (this.#files.size <= MAX_OPEN_FILES) break;
      if (other === segment || other === this.#number) continue;
      closeSync(descriptor);
      this.#files.delete(other);
    }
    return file;
  }
}

/**
 * Brings the files back to what the database has committed: the torn tail of the last batch is cut, a file begun by it
 * is removed. Refuses to cut where the database is older than its segments, which no crash explains.
 */
export function repairSegments(directory: string, committed: ReadonlyMap<number, number>): SegmentRepair {
  const last = Math.max(0, ...committed.keys());
  const found = new Set<number>();
  const unknown: number[] = [];
  for (const name of readdirSync(directory)) {
    const number = Number(NAME.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(number)) continue;
    found.add(number);
    if (!committed.has(number)) unknown.push(number);
  }
  // One batch begins at most one file, the next one.
  if (unknown.some(number => number !== last + 1)) {
    throw new StoreError('CORRUPTION', 'Il database è più vecchio dei suoi segmenti: va ricostruito');
  }
  let cutBytes = 0;
  const short: number[] = [];
  for (const [number, length] of committed) {
    if (!found.has(number)) {
      if (length > 0) short.push(number);
      continue;
    }
    const file = openSync(join(directory, segmentName(number)), 'r+');
    try {
      const size = fstatSync(file).size;
      if (size < length) short.push(number);
      else if (size > length) {
        ftruncateSync(file, length);
        fsyncSync(file);
        cutBytes += size - length;
      }
    } finally {
      closeSync(file);
    }
  }
  for (const number of unknown) unlinkSync(join(directory, segmentName(number)));
  if (unknown.length > 0) syncDirectory(directory);
  return { cutBytes, removedFiles: unknown.length, short };
}

export function piece(packed: Packed): { readonly kind: number; readonly packed: Packed } {
  return { kind: KIND_PIECE, packed };
}

function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.seg`;
}

function writeAll(file: number, octets: Uint8Array, position: number): void {
  let done = 0;
  while (done < octets.length) done += writeSync(file, octets, done, octets.length - done, position + done);
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
