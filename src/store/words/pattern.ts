/**
 * A needle as the tokens that a text with it must have, one behind the other: the first may be the end of a longer one,
 * the last the beginning. Whoever has them holds the needle, and nobody else does.
 */
import { SPACE_AFTER, SPACE_BEFORE } from './document.ts';
import { pieces, SPACE, type Token, tokens, WHOLE_PART } from './tokens.ts';

type Likeness = 'exact' | 'prefix' | 'suffix' | 'part';

export interface Element {
  readonly text: string;
  readonly how: Likeness;
  /** Bits that its place must have. */
  readonly bits: number;
}

/** Tokens that stand one behind the other. */
export type Pattern = readonly Element[];

export interface Patterns {
  /** A text holds the needle when it has one of them. */
  readonly any: readonly Pattern[];
  /** False: such a text may still lack the needle. */
  readonly exact: boolean;
}

/** Tokens of a needle that are looked up; what is behind them is decided on the text. */
const MOST_TOKENS = 64;

/** @param needle folded, not empty */
export function patternsOf(needle: string): Patterns {
  const all = tokens(needle);
  const kept = all.slice(0, MOST_TOKENS);
  const [only] = kept;
  if (only !== undefined && kept.length === 1) return single(only.text);
  let exact = all.length === kept.length;
  let any: Element[][] = [[]];
  const add = (element: Element): void => {
    for (const pattern of any) pattern.push(element);
  };
  /** What the next word's place must have. */
  let bits = 0;
  kept.forEach(({ text, isWord }: Token, index) => {
    const first = index === 0;
    const last = index === kept.length - 1;
    if (text === SPACE) {
      if (first) {
        any = [[{ text, how: 'suffix', bits: 0 }], []];
        bits = SPACE_BEFORE;
      } else if (last) any = any.flatMap(pattern => [[...pattern, { text, how: 'prefix', bits: 0 }], spaced(pattern)]);
      else bits = SPACE_BEFORE;
      return;
    }
    const whole = text.length <= WHOLE_PART;
    const need = isWord ? bits : 0;
    bits = 0;
    if (first) {
      exact &&= whole;
      add({ text: whole ? text : tail(text), how: 'suffix', bits: need });
    } else if (last) {
      exact &&= whole;
      add({ text: whole ? text : head(text), how: 'prefix', bits: need });
    } else {
      for (const [at, piece] of pieces(text).entries()) add({ text: piece, how: 'exact', bits: at === 0 ? need : 0 });
    }
  });
  return { any: any.map(withoutTwice), exact };
}

function single(text: string): Patterns {
  const whole = text.length <= WHOLE_PART;
  return { any: [[{ text: whole ? text : head(text), how: 'part', bits: 0 }]], exact: whole };
}

/** The last word of it has a space behind it. */
function spaced(pattern: readonly Element[]): Element[] {
  const last = pattern.at(-1);
  return last === undefined ? [] : [...pattern.slice(0, -1), { ...last, bits: last.bits | SPACE_AFTER }];
}

/** Its bit for the space before it is not asked of a word that has the separator's own token before it. */
function withoutTwice(pattern: readonly Element[]): Element[] {
  const [first, second, ...others] = pattern;
  if (first?.text !== SPACE || first.how !== 'suffix' || second === undefined) return [...pattern];
  return [first, { ...second, bits: second.bits & ~SPACE_BEFORE }, ...others];
}

function head(text: string): string {
  return text
    .slice(0, WHOLE_PART)
    .toWellFormed()
    .replace(/\ufffd$/, '');
}

function tail(text: string): string {
  return text
    .slice(-WHOLE_PART)
    .toWellFormed()
    .replace(/^\ufffd/, '');
}
