/**
 * Which messages hold a text. The index answers exactly, since it knows every token's place in the very text that `fold`
 * made; what it cannot answer is decided on that text itself.
 */
import type { AccountContext } from '../database/context.ts';
import { headersHolding, holding } from '../database/packed-text.ts';
import { SCAN_SLICE } from '../limits.ts';
import { YES } from '../words/candidates.ts';
import { COLUMNS } from '../words/document.ts';
import { bodyGram, gramsWithin, headerGram, isGram } from '../words/grams.ts';
import { type ColumnRange, match } from '../words/match.ts';
import { patternsOf } from '../words/pattern.ts';
import { SPACE } from '../words/tokens.ts';
import { headerMatches, type TextColumn } from './fold.ts';
import { MessageSet } from './message-set.ts';

/** A question about texts. Needles are folded, and not empty for columns, which stand one behind the other. */
export type TextQuestion =
  | { readonly kind: 'columns'; readonly columns: readonly TextColumn[]; readonly needle: string }
  | { readonly kind: 'header'; readonly field: string; readonly needle: string };

/** Pieces of a needle that a text must have for it to be looked at. */
const MOST_SIGNS = 24;

/** Answers a question. Yields now and then, so that other accounts get their turn. */
export function answer(context: AccountContext, what: TextQuestion): Generator<void, MessageSet> {
  return what.kind === 'header'
    ? ofHeader(context, what.field, what.needle)
    : ofColumns(context, what.columns, what.needle);
}

function* ofColumns(
  context: AccountContext,
  columns: readonly TextColumn[],
  needle: string,
): Generator<void, MessageSet> {
  const { sure, maybe } = yield* lookUp(context, needle, columns);
  for (const ids of slices([...maybe.list(), ...unindexed(context)])) {
    for (const message of holding(context, ids, columns, needle)) sure.add(message);
    yield;
  }
  return sure;
}

/** The index proposes by name and needle, the lines of the header decide. */
function* ofHeader(context: AccountContext, field: string, needle: string): Generator<void, MessageSet> {
  const named = yield* proposed(context, `${field}:`);
  const withNeedle = needle === '' ? named : yield* proposed(context, needle);
  const candidates = [...named.list().filter(message => withNeedle.has(message)), ...unindexed(context)];
  const decided = nobody(context);
  for (const ids of slices(candidates)) {
    for (const { message, header } of headersHolding(context, ids, needle)) {
      if (headerMatches(header, field, needle)) decided.add(message);
    }
    yield;
  }
  return decided;
}

function* proposed(context: AccountContext, needle: string): Generator<void, MessageSet> {
  const { sure, maybe } = yield* lookUp(context, needle, ['header']);
  for (const message of maybe.list()) sure.add(message);
  return sure;
}

/** What the index knows of messages with a needle in one of the columns. */
function* lookUp(
  context: AccountContext,
  needle: string,
  columns: readonly TextColumn[],
): Generator<void, { readonly sure: MessageSet; readonly maybe: MessageSet }> {
  const [sure, maybe] = [nobody(context), nobody(context)];
  const found = new Uint8Array(sure.marks.length);
  const grams = columns.includes('header') || columns.includes('body');
  const bodyOnly = columns.length === 1 && columns[0] === 'body';
  const names = (gram: string): string[] => (bodyOnly ? [bodyGram(gram)] : [bodyGram(gram), headerGram(gram)]);
  let exact = true;
  if (needle === SPACE || (columns.includes('body') && isGram(needle))) {
    // A single space has no places of its own.
    exact = columns.includes('body');
    const patterns = names(needle).map(text => [{ text, how: 'exact', bits: 0 }] as const);
    yield* match(context, { patterns, columns: null, signs: [] }, found);
  } else {
    const patterns = patternsOf(needle);
    exact = patterns.exact;
    const signs = grams ? gramsWithin(needle).slice(0, MOST_SIGNS).map(names) : [];
    yield* match(context, { patterns: patterns.any, columns: rangeOf(columns, needle), signs }, found);
  }
  for (let message = 0; message < found.length; message++) {
    const what = found[message];
    if (what === YES && exact) sure.add(message);
    else if (what !== 0) maybe.add(message);
  }
  return { sure, maybe };
}

/** An empty set with room for all messages there are. */
function nobody(context: AccountContext): MessageSet {
  return new MessageSet(context.sql<number>('SELECT ifnull(max(id), 0) FROM message').pluck().get() ?? 0);
}

/**
 * What the header and the body hold stands in no other column either, but for what reaches over the end of a line:
 * nothing has to be asked of the place then.
 */
function rangeOf(columns: readonly TextColumn[], needle: string): ColumnRange | null {
  if (columns.includes('header') && columns.includes('body') && !needle.includes('\n')) return null;
  const [first, ...others] = COLUMNS.filter(column => columns.includes(column));
  if (first === undefined) throw new Error('no column to search');
  return { first, last: others.at(-1) ?? first };
}

/** Messages whose text is too long for the index. */
function unindexed(context: AccountContext): number[] {
  return context.sql<number>('SELECT message FROM text WHERE indexed = 0').pluck().all();
}

function slices(messages: readonly number[]): number[][] {
  const found: number[][] = [];
  for (let at = 0; at < messages.length; at += SCAN_SLICE) found.push(messages.slice(at, at + SCAN_SLICE));
  return found;
}
