import type { AccountContext, Change, TreeRow } from '../database/context.ts';
import { StoreError } from '../types.ts';
import type { ResolvedView } from './views.ts';

export interface EntryRow {
  readonly uid: number;
  readonly leaf: number;
  readonly message: number;
  readonly flags: number;
  readonly keywords: string;
  readonly modseq: number;
  readonly born: number;
  readonly internal_date: number;
  readonly save_date: number;
  readonly size: number;
}

const COLUMNS = 'e.uid, e.leaf, e.message, e.flags, e.keywords, e.modseq, e.born, e.internal_date, e.save_date, e.size';

/** Entries of a view among `uids`, ascending; those that are not there are left out. */
export function entriesOf(
  context: AccountContext,
  view: Pick<ResolvedView, 'where'>,
  uids: readonly number[],
): EntryRow[] {
  return context
    .sql<EntryRow>(
      `SELECT ${COLUMNS} FROM entry e WHERE ${view.where} AND e.uid IN (SELECT value FROM json_each(?)) ORDER BY e.uid`,
    )
    .all(JSON.stringify(uids));
}

/** Entries of a view with \Deleted, ascending. */
export function deletedEntries(context: AccountContext, view: ResolvedView): EntryRow[] {
  return context
    .sql<EntryRow>(`SELECT ${COLUMNS} FROM entry e WHERE ${view.where} AND (e.flags & 8) <> 0 ORDER BY e.uid`)
    .all();
}

export function allEntries(context: AccountContext, tree: TreeRow): EntryRow[] {
  return context.sql<EntryRow>(`SELECT ${COLUMNS} FROM entry e WHERE e.tree = ? ORDER BY e.uid`).all(tree.id);
}

export function entryOfMessage(context: AccountContext, tree: TreeRow, message: number): EntryRow | null {
  return (
    context
      .sql<EntryRow>(`SELECT ${COLUMNS} FROM entry e WHERE e.message = ? AND e.tree = ? ORDER BY e.uid LIMIT 1`)
      .get(message, tree.id) ?? null
  );
}

/** The next UID of a tree. A UID is given once, whatever becomes of its message. */
export function allocateUid(context: AccountContext, tree: TreeRow): number {
  const row = context
    .sql<{ uid: number }>('UPDATE tree SET uidnext = uidnext + 1 WHERE id = ? RETURNING uidnext - 1 AS uid')
    .get(tree.id);
  if (!row || row.uid >= 0xffff_ffff) throw new StoreError('LIMIT', 'La cartella ha esaurito i numeri dei messaggi');
  return row.uid;
}

export interface NewEntry {
  readonly tree: TreeRow;
  readonly leaf: number;
  readonly message: number;
  readonly bits: number;
  readonly keywords: string;
  readonly internalDate: number;
  readonly size: number;
}

export function insertEntry(context: AccountContext, change: Change, entry: NewEntry): number {
  const uid = allocateUid(context, entry.tree);
  const modseq = change.modseq(entry.tree);
  context
    .sql(
      `INSERT INTO entry (tree, uid, leaf, message, flags, keywords, modseq, born, internal_date, save_date, size)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      entry.tree.id,
      uid,
      entry.leaf,
      entry.message,
      entry.bits,
      entry.keywords,
      modseq,
      modseq,
      entry.internalDate,
      change.at,
      entry.size,
    );
  return uid;
}

export function updateFlags(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  entry: { readonly uid: number; readonly bits: number; readonly keywords: string },
): number {
  const modseq = change.modseq(tree);
  context
    .sql('UPDATE entry SET flags = ?, keywords = ?, modseq = ? WHERE tree = ? AND uid = ?')
    .run(entry.bits, entry.keywords, modseq, tree.id, entry.uid);
  return modseq;
}

/** Remembers a UID as expunged (RFC 7162 VANISHED). */
export function recordExpunged(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  uid: number,
  leaf: number,
): void {
  context
    .sql('INSERT INTO expunged (tree, modseq, uid, leaf) VALUES (?, ?, ?, ?)')
    .run(tree.id, change.modseq(tree), uid, leaf);
}

/** Removes entries and remembers them as expunged; what leaves the intake leaves the queue, unless a policy put it there. */
export function removeEntries(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  entries: readonly Pick<EntryRow, 'uid' | 'leaf' | 'message'>[],
): void {
  const leaves = new Set<number>();
  for (const entry of entries) {
    recordExpunged(context, change, tree, entry.uid, entry.leaf);
    context.sql('DELETE FROM entry WHERE tree = ? AND uid = ?').run(tree.id, entry.uid);
    leaves.add(entry.leaf);
    if (tree.kind === 'intake') {
      context.sql('DELETE FROM queue WHERE message = ? AND by_policy = 0').run(entry.message);
      context.sql('UPDATE queue SET intake_uid = NULL WHERE message = ?').run(entry.message);
    }
  }
  for (const leaf of leaves) {
    const row = context
      .sql<{ messages: number; year: number }>('SELECT messages, year FROM leaf WHERE id = ?')
      .get(leaf);
    if (row?.messages === 0 && row.year > 0) change.viewsChanged(tree);
  }
}
