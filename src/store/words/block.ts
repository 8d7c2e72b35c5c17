/**
 * A part of a run as it is kept: tokens in ascending order, for each the documents that have it, and its places in them.
 *
 * Documents are numbers within the run: twice what they are more than the one before, plus 1 where the token occurs more
 * than once, and then how much more often than twice. Places are as in `DocumentWords`.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Bytes, Reader } from './bytes.ts';
import { NO_TOKEN } from './grams.ts';
import type { Element } from './pattern.ts';

/** Columns of `word_block`, each under zstd. */
export interface BlockRow {
  readonly names: Uint8Array;
  readonly documents: Uint8Array;
  readonly places: Uint8Array;
}

/** A block is full with so many tokens, or so many octets of documents and places. */
const MOST_NAMES = 4096;
const FULL_BYTES = 64 * 1024;

/** Levels of zstd: for what is soon put together with other runs, and for what stays. */
export const QUICK = 1;
export const SMALL = 3;

const NUL = Buffer.from([0]);
const FIRST_NO_TOKEN = Buffer.from(`\0${NO_TOKEN}`);

/** Gathers tokens, to be added in ascending order. */
export class BlockWriter {
  #names: string[] = [];
  readonly #lengths = new Bytes(1024);
  /** Where the present token's octets go. */
  readonly documents = new Bytes(16 * 1024);
  readonly places = new Bytes(16 * 1024);
  #documentsAt = 0;
  #placesAt = 0;
  #last = -1;

  get full(): boolean {
    return this.#names.length >= MOST_NAMES || this.bytes >= FULL_BYTES;
  }

  get empty(): boolean {
    return this.#names.length === 0;
  }

  get bytes(): number {
    return this.documents.length + this.places.length;
  }

  /** Adds a document to the present token; its places follow. */
  document(number: number, times: number): void {
    this.documents.integer(2 * (number - this.#last) + (times > 1 ? 1 : 0));
    if (times > 1) this.documents.integer(times - 2);
    this.#last = number;
  }

  /** Ends the present token; one without documents is left out. */
  end(name: string): void {
    if (this.#last === -1) return;
    this.#names.push(name);
    this.#lengths.integer(this.documents.length - this.#documentsAt);
    this.#lengths.integer(this.places.length - this.#placesAt);
    this.#documentsAt = this.documents.length;
    this.#placesAt = this.places.length;
    this.#last = -1;
  }

  /** What was added since the last time. */
  take(level: typeof QUICK | typeof SMALL): BlockRow {
    const names = Buffer.from(`\0${this.#names.join('\0')}\0`);
    const head = new Bytes(8);
    head.integer(names.length);
    const row = {
      names: pack(Buffer.concat([head.view(), names, this.#lengths.view()]), level),
      documents: pack(this.documents.view(), level),
      places: pack(this.places.view(), level),
    };
    this.#names = [];
    this.#lengths.clear();
    this.documents.clear();
    this.places.clear();
    this.#documentsAt = 0;
    this.#placesAt = 0;
    return row;
  }
}

/** The tokens of a block, and where in it their documents and places are. */
export class BlockNames {
  /** NUL before the first token and behind each. */
  readonly #names: Buffer;
  /** Where each token begins, and the end. */
  readonly #starts: Uint32Array;
  readonly #documentsAt: Uint32Array;
  readonly #placesAt: Uint32Array;
  readonly #first: string;
  readonly #last: string;
  /** Where tokens end: what comes then is found by its whole name only. */
  readonly #tokensEnd: number;

  constructor(packed: Uint8Array) {
    const octets = zstdDecompressSync(packed);
    const reader = new Reader(octets);
    const length = reader.integer();
    this.#names = octets.subarray(reader.at, reader.at + length);
    this.#starts = startsOf(this.#names);
    reader.at += length;
    const end = this.#names.indexOf(FIRST_NO_TOKEN);
    this.#tokensEnd = end === -1 ? length : end + 1;
    const count = this.count;
    this.#first = this.name(0);
    this.#last = this.name(count - 1);
    this.#documentsAt = new Uint32Array(count + 1);
    this.#placesAt = new Uint32Array(count + 1);
    for (let index = 0; index < count; index++) {
      this.#documentsAt[index + 1] = (this.#documentsAt[index] as number) + reader.integer();
      this.#placesAt[index + 1] = (this.#placesAt[index] as number) + reader.integer();
    }
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  /** Octets in memory. */
  get size(): number {
    return this.#names.length + 3 * this.#starts.byteLength;
  }

  /** All tokens; soonest had at once. */
  all(): string[] {
    return this.#names.toString('utf8', 1, this.#names.length - 1).split('\0');
  }

  name(index: number): string {
    return this.#names.toString('utf8', this.#starts[index], (this.#starts[index + 1] as number) - 1);
  }

  /** Octets that tell a token's documents and places. */
  weight(index: number): number {
    return (
      (this.#documentsAt[index + 1] as number) -
      (this.#documentsAt[index] as number) +
      (this.#placesAt[index + 1] as number) -
      (this.#placesAt[index] as number)
    );
  }

  documents(all: Uint8Array, index: number): Uint8Array {
    return all.subarray(this.#documentsAt[index], this.#documentsAt[index + 1]);
  }

  places(all: Uint8Array, index: number): Uint8Array {
    return all.subarray(this.#placesAt[index], this.#placesAt[index + 1]);
  }

  /** Tokens like the element, ascending. */
  find({ text, octets, how }: SoughtName): number[] {
    const found: number[] = [];
    if (how === 'exact' && (text < this.#first || text > this.#last)) return found;
    const inset = how === 'prefix' || how === 'exact' ? 1 : 0;
    const end = how === 'exact' ? this.#names.length : this.#tokensEnd;
    for (let at = this.#names.indexOf(octets); at !== -1 && at + octets.length <= end; ) {
      const index = this.#indexAt(at + inset);
      found.push(index);
      if (how === 'exact') break;
      // What the token has in common with the next one is the NUL between them.
      at = this.#names.indexOf(octets, (this.#starts[index + 1] as number) - 1);
    }
    return found;
  }

  /** The token that the octet there belongs to. */
  #indexAt(at: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** A token looked for. */
export class SoughtName {
  readonly text: string;
  readonly how: Element['how'];
  readonly octets: Buffer;

  constructor({ text, how }: Pick<Element, 'text' | 'how'>) {
    this.text = text;
    this.how = how;
    const before = how === 'prefix' || how === 'exact' ? [NUL] : [];
    const behind = how === 'suffix' || how === 'exact' ? [NUL] : [];
    this.octets = Buffer.concat([...before, Buffer.from(text), ...behind]);
  }
}

export function unpack(packed: Uint8Array): Uint8Array {
  return packed.length === 0 ? packed : zstdDecompressSync(packed);
}

export function pack(octets: Uint8Array, level: typeof QUICK | typeof SMALL): Uint8Array {
  return zstdCompressSync(octets, {
    pledgedSrcSize: octets.length,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

function startsOf(names: Buffer): Uint32Array {
  const starts: number[] = [];
  for (let at = 0; at < names.length; at++) if (names[at] === 0) starts.push(at + 1);
  return Uint32Array.from(starts);
}
