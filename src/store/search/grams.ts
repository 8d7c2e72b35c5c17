/**
 * Needles of one or two characters, which no trigram holds: for each text the characters and the pairs of neighbours in
 * it, each as one token of the index `gram`. A token says its characters by their code points, so that it means the same
 * to any tokenizer, behind a letter: `b` for what the body holds, `h` for what only the header does.
 */
import type { TextColumn, TextColumns } from './fold.ts';

const DIGITS = 4;
const ASCII = 128;

const codes = Array.from({ length: ASCII }, (_, point) => code(point));

/** The tokens of a text, apart by spaces. */
export function gramTokens({ body, header }: Pick<TextColumns, 'body' | 'header'>): string {
  const tokens: string[] = [];
  const seen = new Seen();
  collect(body, 'b', seen, tokens);
  collect(header, 'h', seen, tokens);
  seen.forget();
  return tokens.join(' ');
}

/**
 * FTS5 query for the texts that hold a needle of one or two characters.
 * @returns null for columns that have no tokens
 */
export function gramMatch(columns: readonly TextColumn[], needle: string): string | null {
  const gram = [...needle].map(character => codeOf(character.codePointAt(0) ?? 0)).join('');
  const names = [...columns].sort().join();
  if (names === 'body') return `b${gram}`;
  return names === 'body,header' ? anywhere(gram) : null;
}

/** FTS5 query for the texts that hold a needle of one or two characters in their body or their header. */
export function gramMatchAnywhere(needle: string): string {
  return anywhere([...needle].map(character => codeOf(character.codePointAt(0) ?? 0)).join(''));
}

function anywhere(gram: string): string {
  return `b${gram} OR h${gram}`;
}

function collect(text: string, letter: 'b' | 'h', seen: Seen, tokens: string[]): void {
  let before = -1;
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) ?? 0;
    if (point > 0xffff) at += 1;
    if (seen.one(point)) tokens.push(letter + codeOf(point));
    if (before !== -1 && seen.two(before, point)) tokens.push(letter + codeOf(before) + codeOf(point));
    before = point;
  }
}

/** What a text was found to hold; a table answers for most. One is used again and again: nothing here is asynchronous. */
const ones = new Uint8Array(ASCII);
const twos = new Uint8Array(ASCII * ASCII);

class Seen {
  readonly #rare = new Set<number>();

  /** Whether it is seen for the first time. */
  one(point: number): boolean {
    if (point >= ASCII) return this.#first(point);
    if (ones[point] === 1) return false;
    ones[point] = 1;
    return true;
  }

  two(first: number, second: number): boolean {
    if (first >= ASCII || second >= ASCII) return this.#first((first + 1) * 0x200000 + second);
    const pair = first * ASCII + second;
    if (twos[pair] === 1) return false;
    twos[pair] = 1;
    return true;
  }

  forget(): void {
    ones.fill(0);
    twos.fill(0);
  }

  #first(key: number): boolean {
    const size = this.#rare.size;
    return this.#rare.add(key).size > size;
  }
}

function codeOf(point: number): string {
  return codes[point] ?? code(point);
}

function code(point: number): string {
  return point.toString(36).padStart(DIGITS, '0');
}
