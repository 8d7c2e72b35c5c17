/**
 * Which messages hold a text. The trigram index answers for needles of three characters or more, exactly, since it holds
 * every trigram's position in the very text that `fold` made, and the index of characters and pairs for shorter ones;
 * what they cannot answer is decided on that text itself.
 */

import type { ResolvedView } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import { INDEXED_NEEDLE, SCAN_SLICE } from '../limits.ts';
import { codePoints, headerMatches, type TextColumn } from './fold.ts';
import { gramMatch, gramMatchAnywhere } from './grams.ts';
import { candidates } from './narrow.ts';

/** A question about texts. Needles are folded, and not empty for columns. */
export type TextQuestion =
  | { readonly kind: 'columns'; readonly columns: readonly TextColumn[]; readonly needle: string }
  | { readonly kind: 'header'; readonly field: string; readonly needle: string };

/** A question whose answer goes into `hit` under `slot`. */
export interface TextQuery {
  readonly slot: number;
  readonly what: TextQuestion;
  /** Messages of which some are the answer; null when these are still to be found. */
  readonly among: readonly number[] | null;
}

/** Where the messages that hold a text are listed. */
export interface Source {
  readonly table: string;
  /** Column of it that tells the message. */
  readonly message: string;
  readonly where: string;
  readonly parameters: readonly (string | number)[];
}

/** The index in which an answer stands as it is, or what is known before it is worked out. */
export function look(context: AccountContext, what: TextQuestion): Source | Pick<TextQuery, 'among'> {
  const length = codePoints(what.needle);
  if (what.kind === 'header' || length > INDEXED_NEEDLE) return { among: null };
  const { columns, needle } = what;
  const near = candidates(context, needle);
  if (near !== null) return { among: [...near, ...unindexed(context)] };
  const [table, match] = length < 3 ? ['gram', gramMatch(columns, needle)] : ['search', phraseMatch(columns, needle)];
  if (match === null || unindexed(context).length > 0) return { among: null };
  return { table, message: `${table}.rowid`, where: `${table} MATCH ?`, parameters: [match] };
}

export function listedIn(slot: number): Source {
  return { table: 'temp.hit', message: 'hit.message', where: 'hit.slot = ?', parameters: [slot] };
}

/** Answers one query. Yields between slices of a scan, so that other accounts get their turn. */
export function* answer(
  context: AccountContext,
  view: ResolvedView,
  { slot, what, among }: TextQuery,
): Generator<void> {
  if (what.kind === 'header') {
    yield* headers(context, view, slot, what.field, what.needle);
    return;
  }
  const { columns, needle } = what;
  if (among !== null) {
    yield* decide(context, slot, columns, needle, among);
    return;
  }
  const length = codePoints(needle);
  if (length < 3) {
    const match = gramMatch(columns, needle);
    if (match !== null) add(context, slot, 'gram', match);
    else yield* decide(context, slot, columns, needle, rowids(context, 'gram', gramMatchAnywhere(needle)));
  } else if (length <= INDEXED_NEEDLE) add(context, slot, 'search', phraseMatch(columns, needle));
  // A very long needle: its beginning proposes, the text decides.
  else yield* decide(context, slot, columns, needle, rowids(context, 'search', phraseMatch(columns, needle)));
  yield;
  yield* decide(context, slot, columns, needle, unindexed(context));
}

function add(context: AccountContext, slot: number, table: 'search' | 'gram', match: string): void {
  context.sql(`INSERT INTO temp.hit SELECT ?, rowid FROM ${table} WHERE ${table} MATCH ?`).run(slot, match);
}

function rowids(context: AccountContext, table: 'search' | 'gram', match: string): number[] {
  return context.sql<number>(`SELECT rowid FROM ${table} WHERE ${table} MATCH ?`).pluck().all(match);
}

/** Adds those of the messages whose text holds the needle. */
function* decide(
  context: AccountContext,
  slot: number,
  columns: readonly TextColumn[],
  needle: string,
  messages: readonly number[],
): Generator<void> {
  const test = columns.map(column => (column === 'body' ? 'holds(t.body, ?)' : `instr(t.${column}, ?) > 0`));
  for (const ids of runs(messages)) {
    context
      .sql(
        `INSERT INTO temp.hit SELECT ?, t.message FROM text t
         WHERE t.message IN (SELECT value FROM json_each(?)) AND (${test.join(' OR ')})`,
      )
      .run(slot, JSON.stringify(ids), ...columns.map(() => needle));
    yield;
  }
}

/** Messages whose text is too long for the index. */
function unindexed(context: AccountContext): number[] {
  return context.sql<number>('SELECT message FROM text WHERE indexed = 0').pluck().all();
}

function runs(messages: readonly number[]): number[][] {
  const found: number[][] = [];
  for (let at = 0; at < messages.length; at += SCAN_SLICE) found.push(messages.slice(at, at + SCAN_SLICE));
  return found;
}

/** The index proposes by name and needle, the lines of the header decide. */
function* headers(
  context: AccountContext,
  view: ResolvedView,
  slot: number,
  field: string,
  needle: string,
): Generator<void> {
  const indexed = [`${field}:`, needle].filter(text => codePoints(text) >= 3);
  const add = context.sql('INSERT OR IGNORE INTO temp.hit (slot, message) VALUES (?, ?)');
  const take = (rows: readonly { message: number; header: string }[]): void => {
    for (const row of rows) if (headerMatches(row.header, field, needle)) add.run(slot, row.message);
  };
  if (indexed.length === 0) {
    for (const { first, last } of slices(context, view)) {
      take(
        context
          .sql<{ message: number; header: string }>(
            `SELECT t.message, t.header FROM entry e JOIN text t ON t.message = e.message
             WHERE ${view.where} AND e.uid BETWEEN ? AND ?`,
          )
          .all(first, last),
      );
      yield;
    }
    return;
  }
  const proposed = rowids(context, 'search', `header : (${indexed.map(phrase).join(' AND ')})`);
  for (const ids of runs([...proposed, ...unindexed(context)])) {
    take(
      context
        .sql<{ message: number; header: string }>(
          `SELECT message, header FROM text
           WHERE message IN (SELECT value FROM json_each(?)) AND instr(header, ?) > 0`,
        )
        .all(JSON.stringify(ids), needle),
    );
    yield;
  }
}

/** UID ranges of about as many messages each. */
function slices(context: AccountContext, view: ResolvedView): { first: number; last: number }[] {
  const uids = context.sql<number>(`SELECT e.uid FROM entry e WHERE ${view.where} ORDER BY e.uid`).pluck().all();
  const found: { first: number; last: number }[] = [];
  for (let at = 0; at < uids.length; at += SCAN_SLICE) {
    found.push({ first: uids[at] ?? 0, last: uids[Math.min(at + SCAN_SLICE, uids.length) - 1] ?? 0 });
  }
  return found;
}

/**
 * What the header and the body hold stands in no other column either, but for what reaches over the end of a line: a
 * query that names no columns is the quickest.
 */
function phraseMatch(columns: readonly TextColumn[], needle: string): string {
  const whole = columns.includes('header') && columns.includes('body') && !needle.includes('\n');
  return whole ? phrase(needle) : `{${columns.join(' ')}} : ${phrase(needle)}`;
}

/** An FTS5 string: the needle's beginning, as one phrase of trigrams. */
function phrase(needle: string): string {
  const head = [...needle].slice(0, INDEXED_NEEDLE).join('');
  return `"${head.replaceAll('"', '""')}"`;
}
