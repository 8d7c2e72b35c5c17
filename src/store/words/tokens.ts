/**
 * Folded text as a row of tokens, from which it could be put together again: words (letters, digits, marks) and what
 * stands between them. A single space, by far the most common separator, is no token: it is told by the words on both
 * sides of it.
 */

/** Longer tokens are cut into pieces of this length, each beginning half of it behind the one before. UTF-16 units. */
const WINDOW = 64;
const STRIDE = WINDOW / 2;
/** Whatever part of a token is up to this long stands whole in one of its pieces, wherever they were cut. */
export const WHOLE_PART = STRIDE - 2;

export const SPACE = ' ';

export interface Token {
  readonly text: string;
  readonly isWord: boolean;
}

const WORD = /^[\p{L}\p{N}\p{M}]/u;

/** By UTF-16 unit: 1 for a separator, 2 for what words are made of, 0 for what was not looked at yet. */
const kinds = new Uint8Array(0x10000);

export function isWordCharacter(character: string): boolean {
  const unit = character.charCodeAt(0);
  if (unit >= 0xd800 && unit <= 0xdbff) return WORD.test(character);
  if (kinds[unit] === 0) kinds[unit] = WORD.test(character) ? 2 : 1;
  return kinds[unit] === 2;
}

export function isWordPoint(point: number): boolean {
  const kind = point > 0xffff ? 0 : kinds[point];
  return kind === 0 ? isWordCharacter(String.fromCodePoint(point)) : kind === 2;
}

/** Words and separators in turn, uncut. */
export function tokens(folded: string): Token[] {
  const found: Token[] = [];
  each(folded, (text, isWord) => found.push({ text, isWord }));
  return found;
}

/** The same without an object for each. */
export function each(folded: string, take: (text: string, isWord: boolean) => void): void {
  let start = 0;
  let inWord = false;
  for (let at = 0; at < folded.length; ) {
    const kind = kinds[folded.charCodeAt(at)];
    const character = kind === 0 ? String.fromCodePoint(folded.codePointAt(at) ?? 0) : null;
    const isWord = character === null ? kind === 2 : isWordCharacter(character);
    if (isWord !== inWord && at > start) {
      take(folded.slice(start, at), inWord);
      start = at;
    }
    inWord = isWord;
    at += character?.length ?? 1;
  }
  if (start < folded.length) take(folded.slice(start), inWord);
}

/** Whether a token stands in the index as it is. */
export function isShort(token: string): boolean {
  return token.length <= WINDOW;
}

/** A token as it stands in the index: itself, or its pieces in order. */
export function pieces(token: string): string[] {
  if (isShort(token)) return [token];
  const found: string[] = [];
  for (let start = 0; ; start += STRIDE) {
    found.push(token.slice(boundary(token, start), boundary(token, start + WINDOW)));
    if (start + WINDOW >= token.length) return found;
  }
}

/** Not between the two halves of a character. */
function boundary(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at + 1 : at;
}
