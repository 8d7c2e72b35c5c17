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

/** The tokens of a run that are as sought. */
export class WordList {
  readonly #run: Run;
  readonly #bits: number;
  /** Tokens by block. */
  readonly #found: { readonly block: number; readonly indexes: readonly number[] }[] = [];
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
  mark(within: Extent | null, hits: Uint8Array): void {
    if (within === null && this.#bits === 0) {
      this.eachDocument(document => {
        hits[document] = YES;
      });
      return;
    }
    this.#places(
      document => hits[document] !== YES,
      (document, position) => {
        if (within === null || within.holds(document, position)) hits[document] = YES;
      },
    );
  }

  /** Documents of each token; some more than once. */
  eachDocument(take: (document: number) => void): void {
    for (const { block, indexes } of this.#found) {
      const names = this.#run.names(block);
      const all = this.#run.documentsIn(block);
      for (const index of indexes) {
        const documents = new Reader(names.documents(all, index));
        for (let document = -1; !documents.done; ) {
          const step = documents.integer();
          document += step >> 1;
          if (step & 1) documents.skip(1);
          take(document);
        }
      }
    }
  }

  /** All places of the tokens. */
  each(take: (document: number, position: number) => void): void {
    this.#places(() => true, take);
  }

  /** Where a row of tokens begins in which one of these is the one at `offset`. */
  starts(candidates: Candidates, offset: number, documents: number): Starts {
    const found = new StartsWriter();
    this.#places(
      document => candidates.has(document),
      (document, position) => {
        if (position >= offset) found.add(document, position - offset);
      },
    );
    return found.finish(documents, this.words === 1);
  }

  /** Those of the rows that have one of these at `offset`. */
  keep(starts: Starts, offset: number): Starts {
    const { first, positions } = starts;
    const marks = new Uint8Array(positions.length);
    const bits = this.#bits;
    for (const { documents, places } of this.#postings()) {
      for (let document = -1; documents.at < documents.octets.length; ) {
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
    return starts.marked(marks);
  }

  /** Calls `take` for each place with the bits asked for, in documents that are `wanted`. */
  #places(wanted: (document: number) => boolean, take: (document: number, position: number) => void): void {
    const bits = this.#bits;
    for (const { documents, places } of this.#postings()) {
      for (let document = -1; documents.at < documents.octets.length; ) {
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
  }

  /** The documents and the places of each token. */
  *#postings(): Generator<{ readonly documents: Reader; readonly places: Reader }> {
    for (const { block, indexes } of this.#found) {
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
}
