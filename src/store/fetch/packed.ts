import { listingAt } from '../structure/listing.ts';
import type { FetchedMessage, SectionContent } from '../types.ts';
import type { KeptColumns } from './kept.ts';

/**
 * Fetched messages on their way between threads, column by column: objects and octet arrays by the thousand cost more
 * to clone than to read from the database.
 */
export interface PackedRows {
  readonly uid: readonly number[];
  readonly modseq: readonly number[];
  /** Each message's, with spaces between. */
  readonly flags: readonly string[];
  readonly seenNow: readonly boolean[];
  readonly internalDate: readonly number[];
  readonly size: readonly number[];
  readonly saveDate: readonly number[];
  readonly message: readonly string[];
  readonly kept: KeptColumns;
  /** Sections of each message. */
  readonly sections: number;
  /** What the octets of sections lie in. */
  readonly buffers: readonly ArrayBufferLike[];
  /** Three numbers for each section: its buffer, where it begins there, its octets; buffer -1: the next of `others`. */
  readonly places: Int32Array;
  readonly others: readonly SectionContent[];
}

export function packRows(rows: readonly FetchedMessage[], kept: KeptColumns): PackedRows {
  const sections = rows[0]?.sections.length ?? 0;
  const places = new Int32Array(rows.length * sections * 3);
  const buffers = new Map<ArrayBufferLike, number>();
  const others: SectionContent[] = [];
  let at = 0;
  for (const row of rows) {
    for (const content of row.sections) {
      if (content?.kind === 'bytes') {
        const { buffer, byteOffset, length } = content.bytes;
        let index = buffers.get(buffer);
        if (index === undefined) {
          index = buffers.size;
          buffers.set(buffer, index);
        }
        places[at] = index;
        places[at + 1] = byteOffset;
        places[at + 2] = length;
      } else {
        places[at] = -1;
        others.push(content);
      }
      at += 3;
    }
  }
  return {
    uid: rows.map(row => row.uid),
    modseq: rows.map(row => row.modseq),
    flags: rows.map(row => row.flags.join(' ')),
    seenNow: rows.map(row => row.seenNow),
    internalDate: rows.map(row => row.internalDate),
    size: rows.map(row => row.size),
    saveDate: rows.map(row => row.saveDate),
    message: rows.map(row => row.message),
    kept,
    sections,
    buffers: [...buffers.keys()],
    places,
    others,
  };
}

export function unpackRows(packed: PackedRows): FetchedMessage[] {
  const { modseq, flags, seenNow, internalDate, size, saveDate, message, kept, sections, buffers, places } = packed;
  let at = 0;
  let other = 0;
  const content = (): SectionContent => {
    const buffer = buffers[places[at] ?? -1];
    const begin = places[at + 1];
    const length = places[at + 2];
    at += 3;
    if (buffer === undefined) return packed.others[other++] ?? null;
    return { kind: 'bytes', bytes: new Uint8Array(buffer, begin, length) };
  };
  return packed.uid.map((uid, index) => ({
    uid,
    modseq: modseq[index] ?? 0,
    flags: flags[index] ? flags[index].split(' ') : [],
    seenNow: seenNow[index] ?? false,
    internalDate: internalDate[index] ?? 0,
    size: size[index] ?? 0,
    saveDate: saveDate[index] ?? 0,
    message: message[index] ?? '',
    ...kept.derived[index],
    ...(kept.listings && listingAt(kept.listings, index, kept.lines)),
    sections: Array.from({ length: sections }, content),
  }));
}
