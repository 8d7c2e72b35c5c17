import type { SoughtName } from './block.ts';
import { Reader } from './bytes.ts';
import { type Candidates, YES } from './candidates.ts';
import { PLACE_BITS } from './document.ts';
import type { Run } from './run.ts';
import { indexOf, type Starts, StartsWriter } from './starts.ts';

/** Octets of documents and places that are gone through in the time that it takes to expand a block. */
const BLOCK_OCTETS = 8 * 1024;

/** Which places are asked for. */
export interface Extent {
  holds(document: number, position: number): boolean;
}

/** Tokens of a block. */
interface Found {
  readonly block: number;
  readonly indexes: readonly number[];
}

/** The documents that have a token, and its places in them. */
interface Posting {
  readonly documents: Reader;
  readonly places: Reader;
}

/** The tokens of a run that are as sought. What goes through them yields before each block. */
export class WordList {
  readonly #run: Run;
  readonly #bits: number;
  readonly #found: Found[] = [];
  readonly words: number;
  /** Octets to go through. */
  readonly cost: number;

  constructor(run: Run, sought: readonly SoughtName[], bits = 0) {
    this.#run = run;
    this.#bits = bits;
    let [cost, words] = [0, 0];
    for (let block = 0; block < run.row.blocks; block++) {
      const names = run.names(block);
      const indexes = sought.flatMap(name => names.find(name));
      if (indexes.length === 0) continue;
      this.#found.push({ block, indexes });
      words += indexes.length;
      cost += BLOCK_OCTETS;
      for (const index of indexes) cost += names.weight(index);
    }
    this.words = words;
    this.cost = cost;
  }

  get empty(): boolean {
    return this.words === 0;
  }

  /** Marks the documents that have one of the tokens. */
  *mark(within: Extent | null, hits: Uint8Array): Generator<void> {
    if (within === null && this.#bits === 0) {
      yield* this.eachDocument(document => {
        hits[document] = YES;
      });
      return;
    }
    yield* this.#places(
      document => hits[document] !== YES,
      (document, position) => {
        if (within === null || within.holds(document, position)) hits[document] = YES;
      },
    );
  }

  /** Documents of each token; some more than once. */
  *eachDocument(take: (document: number) => void): Generator<void> {
    for (const { block, indexes } of this.#found) {
      yield;
      const names = this.#run.names(block);
      const all = this.#run.documentsIn(block);
      for (const index of indexes) passDocuments(new Reader(names.documents(all, index)), take);
    }
  }

  /** All places of the tokens. */
  *each(take: (document: number, position: number) => void): Generator<void> {
    yield* this.#places(() => true, take);
  }

  /** Where a row of tokens begins in which one of these is the one at `offset`. */
  *starts(candidates: Candidates, offset: number, documents: number): Generator<void, Starts> {
    const found = new StartsWriter();
    yield* this.#places(
      document => candidates.has(document),
      (document, position) => {
        if (position >= offset) found.add(document, position - offset);
      },
    );
    return found.finish(documents, this.words === 1);
  }

  /** Those of the rows that have one of these at `offset`. */
  *keep(starts: Starts, offset: number): Generator<void, Starts> {
    const marks = new Uint8Array(starts.count);
    for (const found of this.#found) {
      yield;
      for (const posting of this.#postings(found)) markStarts(posting, this.#bits, starts, offset, marks);
    }
    return starts.marked(marks);
  }

  /** Calls `take` for each place with the bits asked for, in documents that are `wanted`. */
  *#places(wanted: (document: number) => boolean, take: (document: number, position: number) => void): Generator<void> {
    for (const found of this.#found) {
      yield;
      for (const posting of this.#postings(found)) passPlaces(posting, this.#bits, wanted, take);
    }
  }

  *#postings({ block, indexes }: Found): Generator<Posting> {
    const names = this.#run.names(block);
    const documents = this.#run.documentsIn(block);
    const places = this.#run.placesIn(block);
    for (const index of indexes) {
      yield {
        documents: new Reader(names.documents(documents, index)),
        places: new Reader(names.places(places, index)),
      };
    }
  }
}

function passDocuments(documents: Reader, take: (document: number) => void): void {
  for (let document = -1; !documents.done; ) {
    const step = documents.integer();
    document += step >> 1;
    if (step & 1) documents.skip(1);
    take(document);
  }
}

function passPlaces(
  { documents, places }: Posting,
  bits: number,
  wanted: (document: number) => boolean,
  take: (document: number, position: number) => void,
): void {
  for (let document = -1; !documents.done; ) {
    const step = documents.integer();
    document += step >> 1;
    const times = step & 1 ? documents.integer() + 2 : 1;
    if (!wanted(document)) {
      places.skip(times);
      continue;
    }
    let position = 0;
    for (let left = times; left > 0; left--) {
      const place = places.integer();
      position += place >> PLACE_BITS;
      if ((place & bits) === bits) take(document, position);
    }
  }
}

function markStarts(
  { documents, places }: Posting,
  bits: number,
  { first, positions }: Starts,
  offset: number,
  marks: Uint8Array,
): void {
  for (let document = -1; !documents.done; ) {
    const step = documents.integer();
    document += step >> 1;
    const times = step & 1 ? documents.integer() + 2 : 1;
    const low = first[document] as number;
    const high = first[document + 1] as number;
    if (low === high) {
      places.skip(times);
      continue;
    }
    let start = -offset;
    for (let left = times; left > 0; left--) {
      const place = places.integer();
      start += place >> PLACE_BITS;
      if ((place & bits) !== bits) continue;
      const at = indexOf(positions, start, low, high);
      if (at !== -1) marks[at] = 1;
    }
  }
}
