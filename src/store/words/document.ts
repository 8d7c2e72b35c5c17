/** What the index holds of one message: each of its tokens, and where it stands. */

import { MAX_INDEXED_CHARS, MAX_INDEXED_TOKENS } from '../limits.ts';
import type { TextColumn, TextColumns } from '../search/fold.ts';
import { Bytes, doubled, Reader } from './bytes.ts';
import { gramsOf, NO_TOKEN } from './grams.ts';
import { each, isShort, pieces, SPACE } from './tokens.ts';

/** As the columns stand one behind the other. */
export const COLUMNS: readonly TextColumn[] = ['subject', 'sender', 'recipient', 'cc', 'bcc', 'header', 'body'];

/** Bits of a place: a single space is before the word, or behind it. */
export const SPACE_BEFORE = 1;
export const SPACE_AFTER = 2;
export const PLACE_BITS = 2;

/**
 * Tokens, NUL after each, and for each of them how often it occurs and its places: positions times 4 with the bits
 * above, each less the position before.
 */
export interface DocumentWords {
  readonly names: string;
  readonly places: Uint8Array;
  /** What the text holds besides: `gramsOf`. */
  readonly grams: Uint32Array;
}

/** Stands where a column begins. */
export function columnMark(column: TextColumn): string {
  return `${NO_TOKEN}${COLUMNS.indexOf(column)}`;
}

/** null: for a text that is too long for the index, or has too many different tokens; it is found by scanning it. */
export function documentWords(text: TextColumns): DocumentWords | null {
  if (COLUMNS.reduce((sum, column) => sum + text[column].length, 0) > MAX_INDEXED_CHARS) return null;
  const all = new Places();
  for (const column of COLUMNS) {
    all.put(columnMark(column), 0);
    all.column(text[column]);
  }
  const { codes, names } = gramsOf(text);
  for (const name of names) all.note(name);
  return all.size > MAX_INDEXED_TOKENS ? null : { ...all.encode(), grams: codes };
}

/** Room for a text's places: of each, its token and itself. It is used again and again: nothing here is asynchronous. */
let room = { tokens: new Uint32Array(16 * 1024), places: new Uint32Array(16 * 1024) };

/** Tokens by the order in which they first came, and all their places in the order of the text. */
class Places {
  readonly #numbers = new Map<string, number>();
  /** By token. */
  readonly #times: number[] = [];
  #count = 0;
  #position = 0;

  /** How many different tokens. */
  get size(): number {
    return this.#times.length;
  }

  column(text: string): void {
    /** Whether what stands before is a word, so that a space may follow it. */
    let afterWord = false;
    let space = false;
    each(text, (token, isWord) => {
      if (token === SPACE) {
        space = true;
        if (afterWord) this.#mark(SPACE_AFTER);
        return;
      }
      const bits = isWord && space ? SPACE_BEFORE : 0;
      if (isShort(token)) this.put(token, bits);
      else for (const [at, piece] of pieces(token).entries()) this.put(piece, at === 0 ? bits : 0);
      afterWord = isWord;
      space = false;
    });
    // Nothing stands beside what is in another column.
    this.#position += 1;
  }

  put(name: string, bits: number): void {
    this.#add(name, (this.#position << PLACE_BITS) | bits);
    this.#position += 1;
  }

  /** What is somewhere. */
  note(name: string): void {
    this.#add(name, 0);
  }

  encode(): Pick<DocumentWords, 'names' | 'places'> {
    const starts = new Uint32Array(this.#times.length + 1);
    for (const [token, times] of this.#times.entries()) starts[token + 1] = (starts[token] as number) + times;
    const next = starts.slice();
    const sorted = new Uint32Array(this.#count);
    const { tokens, places } = room;
    for (let at = 0; at < sorted.length; at++) {
      const token = tokens[at] as number;
      const to = next[token] as number;
      sorted[to] = places[at] as number;
      next[token] = to + 1;
    }
    const bytes = new Bytes(3 * sorted.length);
    for (const [token, times] of this.#times.entries()) {
      bytes.integer(times);
      const end = starts[token + 1] as number;
      let before = 0;
      for (let at = starts[token] as number; at < end; at++) {
        const place = sorted[at] as number;
        bytes.integer(place - (before << PLACE_BITS));
        before = place >> PLACE_BITS;
      }
    }
    return { names: `${[...this.#numbers.keys()].join('\0')}\0`, places: bytes.view().slice() };
  }

  #add(name: string, place: number): void {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#times.length;
      this.#numbers.set(name, number);
      this.#times.push(0);
    }
    this.#times[number] = (this.#times[number] as number) + 1;
    if (this.#count === room.tokens.length) room = { tokens: doubled(room.tokens), places: doubled(room.places) };
    room.tokens[this.#count] = number;
    room.places[this.#count++] = place;
  }

  /** Of the place given last. */
  #mark(bit: number): void {
    const at = this.#count - 1;
    room.places[at] = (room.places[at] as number) | bit;
  }
}

/** Calls `take` for each token with how often it occurs, and from where to where its places are told. */
export function eachWord(
  { names, places }: DocumentWords,
  take: (name: string, times: number, start: number, end: number) => void,
): void {
  const reader = new Reader(places);
  for (let from = 0, to = names.indexOf('\0'); to !== -1; from = to + 1, to = names.indexOf('\0', from)) {
    const times = reader.integer();
    const start = reader.at;
    reader.skip(times);
    take(names.slice(from, to), times, start, reader.at);
  }
}
