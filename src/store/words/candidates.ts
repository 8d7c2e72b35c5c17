import type { WordList } from './word-list.ts';

/** What is found of a message: its text has a pattern, or that is sooner seen by looking at the text. */
export const YES = 1;
export const MAYBE = 2;

/** Octets of the index that are gone through in the time that it takes to look at one text. */
const TEXT_OCTETS = 3_000;
/** No number of times: a pattern has fewer tokens. */
const OUT = 255;

/** Documents that may still be found. */
export class Candidates {
  /** Those in it have the number of times that some were taken out. */
  readonly #marks: Uint8Array;
  #turn = 0;
  #count: number;

  constructor(count: number, marks = new Uint8Array(count), turn = 0) {
    this.#marks = marks;
    this.#turn = turn;
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  copy(): Candidates {
    return new Candidates(this.#count, this.#marks.slice(), this.#turn);
  }

  has(document: number): boolean {
    return this.#marks[document] === this.#turn;
  }

  each(take: (document: number) => void): void {
    const marks = this.#marks;
    for (let at = marks.indexOf(this.#turn); at !== -1; at = marks.indexOf(this.#turn, at + 1)) take(at);
  }

  /** Only those that have one of the tokens. */
  *keep(list: WordList): Generator<void> {
    const marks = this.#marks;
    const turn = this.#turn;
    let count = 0;
    yield* list.eachDocument(document => {
      if (marks[document] !== turn) return;
      marks[document] = turn + 1;
      count += 1;
    });
    this.#turn += 1;
    this.#count = count;
  }

  /** Without those that are found. */
  leave(hits: Uint8Array): void {
    for (let document = hits.indexOf(YES); document !== -1; document = hits.indexOf(YES, document + 1)) {
      if (!this.has(document)) continue;
      this.#marks[document] = OUT;
      this.#count -= 1;
    }
  }

  /** Whether their texts are sooner looked at than so many octets of the index. */
  fewFor(octets: number): boolean {
    return this.#count * TEXT_OCTETS < octets;
  }
}
