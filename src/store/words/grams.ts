/**
 * Short pieces of text that the index knows by themselves, without places: single characters, pairs of neighbours, and
 * of three those that have both word and separator in them. Needles as short as that are looked up at once, and longer
 * ones are looked for only where their pieces are.
 */
import type { TextColumns } from '../search/fold.ts';
import { isWordCharacter, isWordPoint } from './tokens.ts';

/** Begins what is in the index beside tokens; no folded text holds it. */
export const NO_TOKEN = '\uffff';

const ASCII = 128;
/** Of a gram's number, that only the header has it; then come its characters, the second and third one more than they are. */
const IN_HEADER = 1 << 23;

/** Grams of a text: those of ASCII by number, the others by name. */
export interface Grams {
  readonly codes: Uint32Array;
  readonly names: readonly string[];
}

/** What the body holds, and what only the header does. */
export function gramsOf({ body, header }: Pick<TextColumns, 'body' | 'header'>): Grams {
  const seen = new Seen();
  const grams = { codes: [], names: [] };
  collect(body, 0, seen, grams);
  collect(header, IN_HEADER, seen, grams);
  seen.forget();
  return { codes: Uint32Array.from(grams.codes), names: grams.names };
}

/** The name of a gram by its number: the order of numbers is that of names. */
export function nameOfCode(code: number): string {
  const [first, second, third] = [(code >> 16) & 0x7f, (code >> 8) & 0xff, code & 0xff];
  const gram = String.fromCharCode(first, ...(second === 0 ? [] : [second - 1]), ...(third === 0 ? [] : [third - 1]));
  return code & IN_HEADER ? headerGram(gram) : bodyGram(gram);
}

export function bodyGram(gram: string): string {
  return `${NO_TOKEN}b${gram}`;
}

export function headerGram(gram: string): string {
  return `${NO_TOKEN}h${gram}`;
}

/** Whether the index knows such a piece by itself. */
export function isGram(text: string): boolean {
  const characters = [...text];
  return characters.length < 3 || (characters.length === 3 && isMixed(characters));
}

/** Pieces of three that a text with the needle must have. */
export function gramsWithin(needle: string): string[] {
  const characters = [...needle];
  const found = new Set<string>();
  for (let at = 0; at + 3 <= characters.length; at++) {
    const three = characters.slice(at, at + 3);
    if (isMixed(three)) found.add(three.join(''));
  }
  return [...found];
}

function isMixed(characters: readonly string[]): boolean {
  const [first, ...others] = characters.map(isWordCharacter);
  return others.some(other => other !== first);
}

/** Adds those that were not seen before. */
function collect(text: string, part: number, seen: Seen, { codes, names }: { codes: number[]; names: string[] }): void {
  const nameOf = part === 0 ? bodyGram : headerGram;
  const add = (...points: number[]): void => {
    names.push(nameOf(String.fromCodePoint(...points)));
  };
  let [before, last] = [-1, -1];
  let [beforeIsWord, lastIsWord] = [false, false];
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) ?? 0;
    if (point > 0xffff) at += 1;
    const isWord = isWordPoint(point);
    const mixed = before !== -1 && (isWord !== lastIsWord || lastIsWord !== beforeIsWord);
    if (point < ASCII && last < ASCII && before < ASCII) {
      const one = part | (point << 16);
      if (seen.one(point)) codes.push(one);
      if (last !== -1 && seen.two(last, point)) codes.push(part | (last << 16) | ((point + 1) << 8));
      if (mixed && seen.three(before, last, point)) {
        codes.push(part | (before << 16) | ((last + 1) << 8) | (point + 1));
      }
    } else {
      if (seen.one(point)) {
        if (point < ASCII) codes.push(part | (point << 16));
        else add(point);
      }
      if (last !== -1 && seen.two(last, point)) {
        if (last < ASCII && point < ASCII) codes.push(part | (last << 16) | ((point + 1) << 8));
        else add(last, point);
      }
      if (mixed && seen.three(before, last, point)) add(before, last, point);
    }
    [before, last] = [last, point];
    [beforeIsWord, lastIsWord] = [lastIsWord, isWord];
  }
}

/** What a text was found to hold; a bit answers for most. One is used again and again: nothing here is asynchronous. */
const ones = new Uint32Array(ASCII / 32);
const twos = new Uint32Array(ASCII ** 2 / 32);
const threes = new Uint32Array(ASCII ** 3 / 32);
class Seen {
  readonly #rare = new Set<string>();
  readonly #threes: number[] = [];

  /** Whether it is seen for the first time. */
  one(point: number): boolean {
    return point < ASCII ? first(ones, point) : this.#first(String.fromCodePoint(point));
  }

  two(a: number, b: number): boolean {
    return a < ASCII && b < ASCII ? first(twos, a * ASCII + b) : this.#first(String.fromCodePoint(a, b));
  }

  three(a: number, b: number, c: number): boolean {
    if (a >= ASCII || b >= ASCII || c >= ASCII) return this.#first(String.fromCodePoint(a, b, c));
    const key = (a * ASCII + b) * ASCII + c;
    if (!first(threes, key)) return false;
    this.#threes.push(key >> 5);
    return true;
  }

  forget(): void {
    ones.fill(0);
    twos.fill(0);
    for (const at of this.#threes) threes[at] = 0;
  }

  #first(text: string): boolean {
    const size = this.#rare.size;
    return this.#rare.add(text).size > size;
  }
}

function first(table: Uint32Array, key: number): boolean {
  const at = key >> 5;
  const bit = 1 << (key & 31);
  const before = table[at] as number;
  if (before & bit) return false;
  table[at] = before | bit;
  return true;
}
