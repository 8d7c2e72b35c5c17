import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Location, RecordCipher } from '../crypto/record-cipher.ts';
import { SEAL_BYTES } from '../crypto/record-cipher.ts';
import { SEGMENT_BYTES } from '../limits.ts';
import { step } from '../steps.ts';
import { StoreError } from '../types.ts';
import { readAt, segmentPath, syncDirectorySync } from './files.ts';
import {
  DIGEST_BYTES,
  encodeHeader,
  type Packed,
  packedIn,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  unpack,
} from './format.ts';

/** Where a record lies. */
export interface Placed extends Location {
  /** Octets after its header. */
  readonly stored: number;
}

/** Where a record lies and what it holds. */
export type Recorded = Placed & Pick<RecordHeader, 'scheme' | 'length'> & Pick<Packed, 'sha256'>;

/** How far the segments go. */
export interface Position {
  readonly number: number;
  readonly length: number;
}

const WRITE_RUN = 4 * 1024 * 1024;
/** Octets of neighbouring records read at once, and those of no use that are read along with them. */
const READ_RUN = 256 * 1024;
const READ_OVER = 4 * 1024;
const MAX_OPEN_FILES = 8;
/** Where records are read to before they are opened, which happens at once: as large as one with a whole piece. */
const scratch = new Uint8Array(1024 * 1024);

/**
 * The segment files of one account. Writing is two steps: `append` puts records after the last committed one, `sync`
 * makes them durable; the database then commits the new length. What lies past the committed length has never been
 * acknowledged and is overwritten or cut.
 */
export class Segments {
  readonly directory: string;
  readonly cipher: RecordCipher;
  readonly #files = new Map<number, number>();
  #number: number;
  #length: number;
  #dirty = false;
  #directoryDirty = false;
  #failed = false;

  constructor(directory: string, committed: Position, cipher: RecordCipher) {
    this.directory = directory;
    this.cipher = cipher;
    this.#number = committed.number;
    this.#length = committed.length;
  }

  /** Current segment and its length, as the next commit must record it. */
  get position(): Position {
    return { number: this.#number, length: this.#length };
  }

  /** Begins a new file when the current one is full. Called before a batch, which lies in one file as a whole. */
  roll(): void {
    if (this.#length < SEGMENT_BYTES) return;
    this.begin();
  }

  /** Begins a new file whatever the current one's length. */
  begin(): void {
    this.#number += 1;
    this.#length = 0;
  }

  /** A file has been replaced: its descriptor shows the old one. */
  forget(segment: number): void {
    const file = this.#files.get(segment);
    if (file !== undefined) closeSync(file);
    this.#files.delete(segment);
  }

  /** Appends records; their places in order. */
  append(records: readonly { readonly kind: number; readonly packed: Packed }[]): Placed[] {
    if (this.#failed) throw new StoreError('UNAVAILABLE', 'Archivio momentaneamente non disponibile');
    const file = this.#open(this.#number, true);
    const places: Placed[] = [];
    let run: Uint8Array[] = [];
    let runBytes = 0;
    const flush = (): void => {
      writeAll(file, Buffer.concat(run), this.#length - runBytes);
      step('segment written');
      run = [];
      runBytes = 0;
    };
    this.#dirty = true;
    for (const { kind, packed } of records) {
      const at = { segment: this.#number, offset: this.#length };
      const stored = DIGEST_BYTES + packed.stored.length + SEAL_BYTES;
      const header = encodeHeader({ kind, scheme: packed.scheme, length: packed.length, stored });
      places.push({ ...at, stored });
      run.push(header, ...this.cipher.seal(header, at, packed.sha256, packed.stored));
      runBytes += header.length + stored;
      this.#length += header.length + stored;
      if (runBytes >= WRITE_RUN) flush();
    }
    if (runBytes > 0) flush();
    return places;
  }

  /** A flush failed: the kernel may have dropped octets, and nothing more is taken. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Makes durable what was appended since the last time. */
  sync(): void {
    if (!this.#dirty) return;
    try {
      fdatasyncSync(this.#open(this.#number, true));
      step('segment flushed');
      if (this.#directoryDirty) {
        syncDirectorySync(this.directory);
        this.#directoryDirty = false;
        step('segment directory flushed');
      }
      this.#dirty = false;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** Forgets what was appended after `position`. */
  reset(position: Position): void {
    if (position.number === this.#number && position.length === this.#length) return;
    this.#number = position.number;
    this.#length = position.length;
    try {
      ftruncateSync(this.#open(position.number, true), position.length);
    } catch {
      // The next start cuts it; until then the next batch overwrites it.
    }
    step('segment cut');
  }

  /** Content of a record; null when it is not there, or not as it was written there. */
  read(kind: number, row: Recorded): Uint8Array | null {
    const packed = this.readPacked(kind, row);
    return packed && unpack(row, packed);
  }

  /** The same, in the form in which it is sealed. */
  readPacked(kind: number, row: Recorded): Uint8Array | null {
    let octets: Uint8Array;
    try {
      octets = readAt(this.#open(row.segment, false), row.offset, RECORD_HEADER_BYTES + row.stored, scratch);
    } catch {
      return null;
    }
    return this.#opened(kind, row, octets);
  }

  /** `readPacked` of many, neighbours with one read. Those that are damaged are left out. */
  *readTogether<Row extends Recorded>(kind: number, rows: readonly Row[]): Generator<[Row, Uint8Array]> {
    for (const run of neighbours(rows)) {
      const [first, last] = [run[0] as Row, run.at(-1) as Row];
      let octets: Uint8Array;
      try {
        octets = readAt(this.#open(first.segment, false), first.offset, endOf(last) - first.offset, scratch);
      } catch {
        continue;
      }
      const opened: [Row, Uint8Array][] = [];
      for (const row of run) {
        const packed = this.#opened(kind, row, octets.subarray(row.offset - first.offset));
        if (packed) opened.push([row, packed]);
      }
      // Not one by one: whoever takes them may read something else in between, to the same place.
      yield* opened;
    }
  }

  /** What is sealed in a record, of octets that begin with it; null when they are not what was written for that row. */
  #opened(kind: number, row: Recorded, octets: Uint8Array): Uint8Array | null {
    const header = encodeHeader({ ...row, kind });
    if (!beginsWith(octets, header)) return null;
    const sealed = octets.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + row.stored);
    if (sealed.length < row.stored) return null;
    const opened = this.cipher.open(header, row, sealed);
    return opened && beginsWith(opened, row.sha256) ? packedIn(opened) : null;
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #open(segment: number, write: boolean): number {
    const known = this.#files.get(segment);
    if (known !== undefined) return known;
    const path = segmentPath(this.directory, segment);
    let file: number;
    if (!write && segment !== this.#number) file = openSync(path, 'r');
    else {
      try {
        file = openSync(path, 'r+');
      } catch (error) {
        if (!write || !(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
        file = openSync(path, 'wx+', 0o600);
        this.#directoryDirty = true;
        step('segment created');
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

function beginsWith(octets: Uint8Array, begin: Uint8Array): boolean {
  if (octets.length < begin.length) return false;
  for (let at = 0; at < begin.length; at++) if (octets[at] !== begin[at]) return false;
  return true;
}

function endOf({ offset, stored }: Placed): number {
  return offset + RECORD_HEADER_BYTES + stored;
}

/** Records in the order of the disk, and together as far as they lie side by side. */
function* neighbours<Row extends Placed>(rows: readonly Row[]): Generator<Row[]> {
  let run: Row[] = [];
  for (const row of rows.toSorted((a, b) => a.segment - b.segment || a.offset - b.offset)) {
    const [first, last] = [run[0], run.at(-1)];
    const near =
      first?.segment === row.segment &&
      row.offset - endOf(last ?? first) <= READ_OVER &&
      endOf(row) - first.offset <= READ_RUN;
    if (first !== undefined && !near) {
      yield run;
      run = [];
    }
    run.push(row);
  }
  if (run.length > 0) yield run;
}

function writeAll(file: number, octets: Uint8Array, position: number): void {
  let done = 0;
  while (done < octets.length) done += writeSync(file, octets, done, octets.length - done, position + done);
}
