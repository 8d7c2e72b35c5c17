/** What goes into the index. */
import type { Rows } from '../database/context.ts';
import { BlockWriter, pack, QUICK } from './block.ts';
import { type DocumentWords, eachWord } from './document.ts';
import { nameOfCode } from './grams.ts';
import { encodeMessages, writeBlock } from './run.ts';

/** Runs of one level are put together when there are so many of them. */
export const FAN = 8;

/** Documents of a new run, at most. */
const DOCUMENT_BITS = 8;
const DOCUMENTS = 2 ** DOCUMENT_BITS;
/** Halves of a gram's number. */
const DIGIT_BITS = 12;
const DIGITS = 2 ** DIGIT_BITS;

/** A message's id and the words of its text. */
export type Arrival = readonly [message: number, words: DocumentWords];

/** Adds to the index, as a run of its own. Within a transaction. */
export function insertWords(context: Rows, arrivals: readonly Arrival[]): void {
  for (let at = 0; at < arrivals.length; at += DOCUMENTS) insertRun(context, arrivals.slice(at, at + DOCUMENTS));
}

function insertRun(context: Rows, arrivals: readonly Arrival[]): void {
  const messages = arrivals.map(([message]) => message);
  const run = createRun(context, 'whole', levelOf(arrivals.length), messages);
  const block = new BlockWriter();
  let blocks = 0;
  for (const name of writeWords(arrivals, block)) {
    block.end(name);
    if (block.full) writeBlock(context, run, blocks++, block.take(QUICK));
  }
  if (!block.empty) writeBlock(context, run, blocks++, block.take(QUICK));
  context.sql('UPDATE word_run SET blocks = ? WHERE id = ?').run(blocks, run);
}

/** @returns its id */
export function createRun(context: Rows, state: 'whole' | 'making', level: number, messages: Iterable<number>): number {
  return Number(
    context
      .sql('INSERT INTO word_run (state, level, blocks, messages) VALUES (?, ?, 0, ?)')
      .run(state, level, pack(encodeMessages(messages), QUICK)).lastInsertRowid,
  );
}

/** Gives each name in order, with its documents and places put into the block. */
function* writeWords(arrivals: readonly Arrival[], block: BlockWriter): Generator<string> {
  const words = new Occurrences(arrivals);
  const grams = gramsByCode(arrivals);
  let at = 0;
  let [code, gram] = nextGram(grams, at);
  for (const name of words.names()) {
    for (; gram !== null && gram < name; [code, gram] = nextGram(grams, at)) {
      at = writeGram(grams, at, code, block);
      yield gram;
    }
    words.write(name, block);
    yield name;
  }
  for (; gram !== null; [code, gram] = nextGram(grams, at)) {
    at = writeGram(grams, at, code, block);
    yield gram;
  }
}

/** Which tokens are in which documents, and where their places are told. */
class Occurrences {
  readonly #arrivals: readonly Arrival[];
  readonly #numbers = new Map<string, number>();
  /** One after the other, four numbers each: document, times, start, end. */
  readonly #all: number[] = [];
  /** Of each, its token's number. */
  readonly #tokens: number[] = [];
  /** By token, where its occurrences begin in `#order`. */
  readonly #starts: Uint32Array;
  readonly #order: Uint32Array;

  constructor(arrivals: readonly Arrival[]) {
    this.#arrivals = arrivals;
    for (const [document, [, words]] of arrivals.entries()) {
      eachWord(words, (name, times, start, end) => {
        let number = this.#numbers.get(name);
        if (number === undefined) {
          number = this.#numbers.size;
          this.#numbers.set(name, number);
        }
        this.#tokens.push(number);
        this.#all.push(document, times, start, end);
      });
    }
    const starts = new Uint32Array(this.#numbers.size + 1);
    for (const token of this.#tokens) starts[token + 1] = (starts[token + 1] as number) + 1;
    for (let token = 1; token < starts.length; token++) {
      starts[token] = (starts[token] as number) + (starts[token - 1] as number);
    }
    const next = starts.slice();
    this.#order = new Uint32Array(this.#tokens.length);
    for (const [occurrence, token] of this.#tokens.entries()) {
      const at = next[token] as number;
      this.#order[at] = occurrence;
      next[token] = at + 1;
    }
    this.#starts = starts;
  }

  /** Ascending. */
  names(): string[] {
    return [...this.#numbers.keys()].sort();
  }

  write(name: string, block: BlockWriter): void {
    const token = this.#numbers.get(name) as number;
    const end = this.#starts[token + 1] as number;
    for (let at = this.#starts[token] as number; at < end; at++) {
      const of = 4 * (this.#order[at] as number);
      const document = this.#all[of] as number;
      block.document(document, this.#all[of + 1] as number);
      const [, { places }] = this.#arrivals[document] as Arrival;
      block.places.append(places, this.#all[of + 2], this.#all[of + 3]);
    }
  }
}

/** The grams of all documents, ascending: each gram's number times `DOCUMENTS`, and the document. */
function gramsByCode(arrivals: readonly Arrival[]): Uint32Array {
  const all = new Uint32Array(arrivals.reduce((sum, [, { grams }]) => sum + grams.length, 0));
  let at = 0;
  for (const [document, [, { grams }]] of arrivals.entries()) {
    for (const code of grams) all[at++] = code * DOCUMENTS + document;
  }
  // By the halves of the code, the lower first; documents are in order already. A quarter of what comparing takes.
  return sortedBy(sortedBy(all, DOCUMENT_BITS), DOCUMENT_BITS + DIGIT_BITS);
}

/** The numbers in the order of one digit of theirs, otherwise as they were. */
function sortedBy(numbers: Uint32Array, shift: number): Uint32Array {
  const next = new Uint32Array(DIGITS + 1);
  for (let at = 0; at < numbers.length; at++) {
    const digit = ((numbers[at] as number) >>> shift) % DIGITS;
    next[digit + 1] = (next[digit + 1] as number) + 1;
  }
  for (let digit = 1; digit < DIGITS; digit++) next[digit] = (next[digit] as number) + (next[digit - 1] as number);
  const sorted = new Uint32Array(numbers.length);
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number;
    const digit = (number >>> shift) % DIGITS;
    const to = next[digit] as number;
    sorted[to] = number;
    next[digit] = to + 1;
  }
  return sorted;
}

function nextGram(grams: Uint32Array, at: number): [code: number, name: string | null] {
  if (at >= grams.length) return [0, null];
  const code = Math.floor((grams[at] as number) / DOCUMENTS);
  return [code, nameOfCode(code)];
}

/** @returns where the next gram begins */
function writeGram(grams: Uint32Array, from: number, code: number, block: BlockWriter): number {
  let at = from;
  for (; at < grams.length && Math.floor((grams[at] as number) / DOCUMENTS) === code; at++) {
    block.document((grams[at] as number) % DOCUMENTS, 1);
  }
  return at;
}

/** As high as if each had come by itself. */
function levelOf(documents: number): number {
  return Math.floor(Math.log(documents) / Math.log(FAN));
}
