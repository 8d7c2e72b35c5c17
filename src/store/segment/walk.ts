import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Location, RecordCipher } from '../crypto/record-cipher.ts';
import { readAt, segmentPath } from './files.ts';
import { decodeHeader, findHeader, packedIn, RECORD_HEADER_BYTES, type RecordHeader, unpack } from './format.ts';

/** One step through a segment file. */
export type WalkStep =
  | { readonly kind: 'record'; readonly at: Location; readonly header: RecordHeader; readonly end: number }
  /** Octets that are no record: between records, or (`tail`) up to the file's end. */
  | { readonly kind: 'gap'; readonly at: Location; readonly end: number; readonly tail: boolean };

const SEARCH_RUN = 4 * 1024 * 1024;

/** One open segment file, read only. */
export class SegmentFile {
  readonly number: number;
  readonly length: number;
  readonly #file: number;

  /** @param limit octets from the beginning that count; the file's length when absent */
  constructor(directory: string, number: number, limit?: number) {
    this.number = number;
    this.#file = openSync(segmentPath(directory, number), 'r');
    this.length = Math.min(fstatSync(this.#file).size, limit ?? Number.POSITIVE_INFINITY);
  }

  /** Headers in order, from `offset` on, without looking at what is sealed. */
  *walk(offset = 0): Generator<WalkStep> {
    let at = offset;
    while (at < this.length) {
      const header = decodeHeader(readAt(this.#file, at, Math.min(RECORD_HEADER_BYTES, this.length - at)));
      const end = at + RECORD_HEADER_BYTES + (header?.stored ?? 0);
      if (header && end <= this.length) {
        yield { kind: 'record', at: { segment: this.number, offset: at }, header, end };
        at = end;
        continue;
      }
      const next = this.#search(at + 1);
      yield { kind: 'gap', at: { segment: this.number, offset: at }, end: next ?? this.length, tail: next === null };
      at = next ?? this.length;
    }
  }

  /**
   * Content of a record; null when it does not open.
   * @param sealedAt the place that it was written for, when that is another one
   */
  content(cipher: RecordCipher, at: Location, header: RecordHeader, sealedAt = at): Uint8Array | null {
    const opened = this.opened(cipher, at, header, sealedAt);
    return opened && unpack(header, packedIn(opened));
  }

  /** All that is sealed in it: hash and content. */
  opened(cipher: RecordCipher, at: Location, header: RecordHeader, sealedAt = at): Uint8Array | null {
    const octets = readAt(this.#file, at.offset, RECORD_HEADER_BYTES + header.stored);
    const sealed = octets.subarray(RECORD_HEADER_BYTES);
    if (sealed.length < header.stored) return null;
    return cipher.open(octets.subarray(0, RECORD_HEADER_BYTES), sealedAt, sealed);
  }

  /** Octets as they lie there. */
  octets(offset: number, length: number): Uint8Array {
    return readAt(this.#file, offset, Math.min(length, this.length - offset));
  }

  close(): void {
    closeSync(this.#file);
  }

  #search(from: number): number | null {
    for (let at = from; at < this.length; at += SEARCH_RUN) {
      const octets = readAt(this.#file, at, Math.min(SEARCH_RUN + RECORD_HEADER_BYTES, this.length - at));
      for (let found = findHeader(octets, 0); found !== -1; found = findHeader(octets, found + 1)) {
        const header = decodeHeader(octets.subarray(found));
        // What a record holds is sealed and looks like nothing: a header that fits the file is one.
        if (header && at + found + RECORD_HEADER_BYTES + header.stored <= this.length) return at + found;
      }
    }
    return null;
  }
}
