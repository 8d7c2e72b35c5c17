import { CATEGORIES, type Category } from '../../pec/types.ts';
import type { AccountContext, TreeRow } from '../database/context.ts';
import { StoreError, type View, WATCHED, type Watched } from '../types.ts';
import { mailboxName } from './mailbox-name.ts';

/** One leaf of a tree with its counters. */
export interface LeafRow {
  readonly id: number;
  readonly tree: number;
  readonly year: number;
  readonly month: number;
  readonly category: string;
  readonly special: string;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly max_uid: number;
  readonly max_modseq: number;
}

/** A view resolved: its tree, its leaves, and the SQL condition on `entry e` (or `expunged e`) that selects it. */
export interface ResolvedView {
  readonly view: View;
  readonly tree: TreeRow;
  readonly leaves: readonly LeafRow[];
  readonly where: string;
}

/** Tree of a view. Rejects NONEXISTENT for a mailbox that is not there. */
export function treeOf(context: AccountContext, view: View): TreeRow {
  const name = view.tree === 'local' ? mailboxName(view.name) : '';
  const row = context
    .sql<TreeRow>('SELECT id, kind, name, uidvalidity, special_use FROM tree WHERE kind = ? AND name = ?')
    .get(view.tree, name);
  if (!row) throw new StoreError('NONEXISTENT', 'La cartella non esiste');
  return row;
}

export function leavesOf(context: AccountContext, tree: number): LeafRow[] {
  return context.sql<LeafRow>('SELECT * FROM leaf WHERE tree = ? ORDER BY id').all(tree);
}

/** Rejects NONEXISTENT for a level that never held anything (the roots and the special leaves are always there). */
export function resolve(context: AccountContext, view: View): ResolvedView {
  if (isWholeTree(view)) {
    const selection = selectionOf(context, view);
    return { view, ...selection, leaves: leavesOf(context, selection.tree.id) };
  }
  const tree = treeOf(context, view);
  const levels = levelsOf(view);
  // A look-up in the order of the index: STATUS of every level must not read every leaf each time.
  const leaves = context
    .sql<LeafRow>(
      `SELECT * FROM leaf WHERE tree = ? ${levels.map(([column]) => `AND ${column} = ?`).join(' ')} ORDER BY id`,
    )
    .all(tree.id, ...levels.map(([, value]) => value));
  if (leaves.length === 0) throw new StoreError('NONEXISTENT', 'La cartella non esiste');
  return { view, tree, leaves, where: `e.tree = ${tree.id} AND e.leaf IN (${leaves.map(leaf => leaf.id).join()})` };
}

/** What selects a view's entries, without reading the leaves where the whole tree is meant. Rejects as `resolve`. */
export function selectionOf(context: AccountContext, view: View): Pick<ResolvedView, 'tree' | 'where'> {
  if (!isWholeTree(view)) return resolve(context, view);
  const tree = treeOf(context, view);
  return { tree, where: `e.tree = ${tree.id}` };
}

/** The leaf's own view. */
export function leafView(
  tree: Pick<TreeRow, 'kind' | 'name'>,
  leaf: Pick<LeafRow, 'year' | 'month' | 'category' | 'special'>,
): View {
  if (tree.kind === 'local') return { tree: 'local', name: tree.name };
  if (tree.kind === 'intake') return { tree: 'intake' };
  if (tree.kind === 'watch') return { tree: 'watch', special: asWatched(leaf.special) };
  if (tree.kind === 'conservation' && (leaf.special === 'reports' || leaf.special === 'distribution')) {
    return { tree: 'conservation', special: leaf.special };
  }
  return { tree: tree.kind, year: leaf.year, month: leaf.month, category: asCategory(leaf.category) };
}

export function asCategory(name: string): Category {
  return CATEGORIES.find(category => category === name) ?? 'Ordinaria';
}

function asWatched(name: string): Watched {
  return WATCHED.find(watched => watched === name) ?? 'pending';
}

function isWholeTree(view: View): boolean {
  if (view.tree === 'local' || view.tree === 'intake') return true;
  if ('special' in view) return false;
  return view.year === undefined && view.month === undefined && view.category === undefined;
}

/** Columns of `leaf` that a view below its tree's root fixes. */
function levelsOf(view: View): (readonly [column: string, value: string | number])[] {
  if (view.tree === 'local' || view.tree === 'intake') return [];
  if ('special' in view) return [['special', view.special]];
  const { year, month, category } = view;
  const levels: [string, string | number | undefined][] = [
    ['year', year],
    ['month', month],
    ['category', category],
  ];
  return [...levels.filter((level): level is [string, string | number] => level[1] !== undefined), ['special', '']];
}
