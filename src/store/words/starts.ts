import { doubled } from './bytes.ts';

/** Positions at which a row of tokens may begin, by document; ascending in each. */
export class Starts {
  /** Where those of each document begin in `positions`, and the end. */
  readonly first: Uint32Array;
  readonly positions: Uint32Array;

  constructor(first: Uint32Array, positions: Uint32Array) {
    this.first = first;
    this.positions = positions;
  }

  get count(): number {
    return this.positions.length;
  }

  each(take: (document: number, position: number) => void): void {
    const { first, positions } = this;
    for (let document = 0; document + 1 < first.length; document++) {
      const end = first[document + 1] as number;
      for (let at = first[document] as number; at < end; at++) take(document, positions[at] as number);
    }
  }

  /** Those that are marked. */
  marked(marks: Uint8Array): Starts {
    const { first, positions } = this;
    const keptFirst = new Uint32Array(first.length);
    const kept = new Uint32Array(positions.length);
    let count = 0;
    for (let document = 0; document + 1 < first.length; document++) {
      keptFirst[document] = count;
      const end = first[document + 1] as number;
      for (let at = first[document] as number; at < end; at++) {
        if (marks[at] === 1) kept[count++] = positions[at] as number;
      }
    }
    keptFirst[first.length - 1] = count;
    return new Starts(keptFirst, kept.subarray(0, count));
  }
}

/** Gathers positions of documents in any order. */
export class StartsWriter {
  #documents = new Uint32Array(1024);
  #positions = new Uint32Array(1024);
  #count = 0;

  add(document: number, position: number): void {
    if (this.#count === this.#documents.length) {
      this.#documents = doubled(this.#documents);
      this.#positions = doubled(this.#positions);
    }
    this.#documents[this.#count] = document;
    this.#positions[this.#count++] = position;
  }

  /** @param sorted whether each document's came in their order */
  finish(documents: number, sorted: boolean): Starts {
    const first = new Uint32Array(documents + 1);
    for (let at = 0; at < this.#count; at++) {
      const document = this.#documents[at] as number;
      first[document + 1] = (first[document + 1] as number) + 1;
    }
    for (let document = 0; document < documents; document++) {
      first[document + 1] = (first[document + 1] as number) + (first[document] as number);
    }
    const next = first.slice();
    const positions = new Uint32Array(this.#count);
    for (let at = 0; at < this.#count; at++) {
      const document = this.#documents[at] as number;
      const to = next[document] as number;
      positions[to] = this.#positions[at] as number;
      next[document] = to + 1;
    }
    if (!sorted) {
      for (let document = 0; document < documents; document++) {
        const [from, to] = [first[document] as number, first[document + 1] as number];
        if (to - from > 1) positions.subarray(from, to).sort();
      }
    }
    return new Starts(first, positions);
  }
}

/** Where a number stands in a part of ascending ones; -1 where it does not. */
export function indexOf(numbers: Uint32Array, sought: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < sought) low = middle + 1;
    else high = middle;
  }
  return low < to && numbers[low] === sought ? low : -1;
}
