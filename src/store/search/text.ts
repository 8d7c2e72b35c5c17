/**
 * Which messages hold a text. The trigram index answers for needles of three characters or more, exactly, since it holds
 * every trigram's position in the very text that `fold` made; what it cannot answer is decided on that text itself.
 */

import type { ResolvedView } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import { INDEXED_NEEDLE, SCAN_SLICE } from '../limits.ts';
import { headerMatches, type TextColumn } from './fold.ts';

/** A question about texts; its answer goes into `hit` under `slot`. Needles are folded, and not empty for columns. */
export interface TextQuery {
  readonly slot: number;
  readonly what:
    | { readonly kind: 'columns'; readonly columns: readonly TextColumn[]; readonly needle: string }
    | { readonly kind: 'header'; readonly field: string; readonly needle: string };
}

/** Answers one query. Yields between slices of a scan, so that other accounts get their turn. */
export function* answer(context: AccountContext, view: ResolvedView, query: TextQuery): Generator<void> {
  const { slot, what } = query;
  if (what.kind === 'header') {
    yield* headers(context, view, slot, what.field, what.needle);
    return;
  }
  const { columns, needle } = what;
  const length = codePoints(needle);
  const test = columns.map(column => `instr(t.${column}, ?) > 0`).join(' OR ');
  if (length < 3) {
    const values = columns.map(() => needle);
    yield* scan(context, view, `(${test})`, values, slot);
    return;
  }
  const match = `{${columns.join(' ')}} : ${phrase(needle)}`;
  const values = columns.map(() => needle);
  if (length <= INDEXED_NEEDLE) {
    context.sql('INSERT INTO temp.hit SELECT ?, rowid FROM search WHERE search MATCH ?').run(slot, match);
  } else {
    // A very long needle: its beginning proposes, the text decides.
    context
      .sql(
        `INSERT INTO temp.hit SELECT ?, t.message FROM search s JOIN text t ON t.message = s.rowid
         WHERE search MATCH ? AND (${test})`,
      )
      .run(slot, match, ...values);
  }
  yield;
  for (const ids of runs(unindexed(context))) {
    context
      .sql(
        `INSERT INTO temp.hit SELECT ?, t.message FROM text t
         WHERE t.message IN (SELECT value FROM json_each(?)) AND (${test})`,
      )
      .run(slot, JSON.stringify(ids), ...values);
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

/** Characters as the tokenizer counts them. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Reads the text of the view's messages, slice by slice. */
function* scan(
  context: AccountContext,
  view: ResolvedView,
  condition: string,
  values: readonly string[],
  slot: number,
): Generator<void> {
  for (const { first, last } of slices(context, view)) {
    context
      .sql(
        `INSERT OR IGNORE INTO temp.hit SELECT ?, t.message FROM entry e JOIN text t ON t.message = e.message
         WHERE ${view.where} AND e.uid BETWEEN ? AND ? AND ${condition}`,
      )
      .run(slot, first, last, ...values);
    yield;
  }
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
  const decide = (rows: readonly { message: number; header: string }[]): void => {
    for (const row of rows) if (headerMatches(row.header, field, needle)) add.run(slot, row.message);
  };
  if (indexed.length === 0) {
    for (const { first, last } of slices(context, view)) {
      decide(
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
  const candidates = context
    .sql<number>('SELECT rowid FROM search WHERE search MATCH ?')
    .pluck()
    .all(`header : (${indexed.map(phrase).join(' AND ')})`);
  for (const ids of runs([...candidates, ...unindexed(context)])) {
    decide(
      context
        .sql<{ message: number; header: string }>(
          'SELECT message, header FROM text WHERE message IN (SELECT value FROM json_each(?))',
        )
        .all(JSON.stringify(ids)),
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

/** An FTS5 string: the needle's beginning, as one phrase of trigrams. */
function phrase(needle: string): string {
  const head = [...needle].slice(0, INDEXED_NEEDLE).join('');
  return `"${head.replaceAll('"', '""')}"`;
}
