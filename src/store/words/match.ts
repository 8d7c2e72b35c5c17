/** Which messages have the tokens of a needle, run by run. */
import type { Rows } from '../database/context.ts';
import type { TextColumn } from '../search/fold.ts';
import { SoughtName } from './block.ts';
import { Candidates, MAYBE, YES } from './candidates.ts';
import { COLUMNS, columnMark } from './document.ts';
import type { Element, Pattern } from './pattern.ts';
import { type Run, wholeRuns } from './run.ts';
import type { Starts } from './starts.ts';
import { type Extent, WordList } from './word-list.ts';

/** Columns from one to another, both included, that the needle must stand in. */
export interface ColumnRange {
  readonly first: TextColumn;
  readonly last: TextColumn;
}

export interface Inquiry {
  /** A text with one of them is sought. */
  readonly patterns: readonly Pattern[];
  /** null: anywhere. */
  readonly columns: ColumnRange | null;
  /** Names (grams.ts) of each of which, at least, such a text has one. */
  readonly signs: readonly (readonly string[])[];
}

/** Octets of the index that are gone through in the time that it takes to look through the tokens of a block. */
const NAMES_OCTETS = 1_000;

/** Sets the byte of each message to what is found of it. Some may have been removed meanwhile. Yields between blocks. */
export function* match(context: Rows, inquiry: Inquiry, found: Uint8Array): Generator<void> {
  for (const run of wholeRuns(context)) {
    const messages = run.messages();
    const hits = yield* matchRun(run, messages.length, inquiry);
    for (let document = 0; document < hits.length; document++) {
      const hit = hits[document] as number;
      const message = messages[document] as number;
      if (hit !== 0 && found[message] !== YES) found[message] = hit;
    }
  }
}

function* matchRun(run: Run, count: number, { patterns, columns, signs }: Inquiry): Generator<void, Uint8Array> {
  const hits = new Uint8Array(count);
  const candidates = new Candidates(count);
  const signLists = signs.map(
    names =>
      new WordList(
        run,
        names.map(text => new SoughtName({ text, how: 'exact' })),
      ),
  );
  for (const list of signLists.sort((a, b) => a.cost - b.cost)) {
    if (candidates.fewFor(list.cost)) break;
    yield* candidates.keep(list);
  }
  if (candidates.count === 0 || signLists.some(list => list.empty)) return hits;
  const tokens = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
  if (signs.length > 0 && candidates.fewFor(tokens * run.row.blocks * NAMES_OCTETS)) {
    candidates.each(document => {
      hits[document] = MAYBE;
    });
    return hits;
  }
  const within = columns && (yield* boundsOf(run, columns));
  for (const pattern of patterns) {
    const lists = pattern.map(element => listOf(run, element));
    if (lists.some(list => list.empty)) continue;
    const [only] = lists;
    if (only !== undefined && lists.length === 1 && signs.length === 0) yield* only.mark(within, hits);
    else yield* matchRow(run, pattern, lists, within, candidates.copy(), hits);
  }
  return hits;
}

function listOf(run: Run, element: Element): WordList {
  return new WordList(run, [new SoughtName(element)], element.bits);
}

/** Several tokens one behind the other. */
function* matchRow(
  run: Run,
  pattern: Pattern,
  lists: readonly WordList[],
  within: Bounds | null,
  candidates: Candidates,
  hits: Uint8Array,
): Generator<void> {
  const byCost = lists.map((list, offset) => ({ list, offset })).sort((a, b) => a.list.cost - b.list.cost);
  const places = byCost.reduce((sum, { list }) => sum + list.cost, 0);
  let cost = 2 * places;
  for (const { list } of byCost) {
    if (candidates.fewFor(cost)) break;
    yield* candidates.keep(list);
    cost -= list.cost;
  }
  const [first] = pattern;
  // Most often the first word is a whole one.
  if (first?.how === 'suffix' && (lists[0]?.words ?? 0) > 1 && !candidates.fewFor(cost)) {
    const whole = listOf(run, { ...first, how: 'exact' });
    if (!whole.empty) {
      yield* markRow(
        byCost.map(({ list, offset }) => ({ list: offset === 0 ? whole : list, offset })),
        within,
        candidates,
        hits,
      );
      candidates.leave(hits);
    }
  }
  if (candidates.fewFor(cost))
    candidates.each(document => {
      if (hits[document] === 0) hits[document] = MAYBE;
    });
  else yield* markRow(byCost, within, candidates, hits);
}

/** Marks the candidates in which each of the tokens stands at its offset. */
function* markRow(
  lists: readonly { readonly list: WordList; readonly offset: number }[],
  within: Bounds | null,
  candidates: Candidates,
  hits: Uint8Array,
): Generator<void> {
  let starts: Starts | null = null;
  for (const { list, offset } of lists) {
    starts = yield* starts === null ? list.starts(candidates, offset, hits.length) : list.keep(starts, offset);
    if (starts.count === 0) return;
  }
  starts?.each((document, position) => {
    if (within === null || within.holds(document, position)) hits[document] = YES;
  });
}

/** Where columns begin and end in each document. */
class Bounds implements Extent {
  readonly #low: Uint32Array;
  readonly #high: Uint32Array | null;

  constructor(low: Uint32Array, high: Uint32Array | null) {
    this.#low = low;
    this.#high = high;
  }

  holds(document: number, position: number): boolean {
    return (
      position > (this.#low[document] as number) && (this.#high === null || position < (this.#high[document] as number))
    );
  }
}

function* boundsOf(run: Run, { first, last }: ColumnRange): Generator<void, Bounds> {
  const next = COLUMNS[COLUMNS.indexOf(last) + 1];
  return new Bounds(yield* beginnings(run, first), next === undefined ? null : yield* beginnings(run, next));
}

function* beginnings(run: Run, column: TextColumn): Generator<void, Uint32Array> {
  const found = new Uint32Array(run.messages().length);
  yield* listOf(run, { text: columnMark(column), how: 'exact', bits: 0 }).each((document, position) => {
    found[document] = position;
  });
  return found;
}
