import type { AccountContext, Change, TreeRow } from '../database/context.ts';
import { StoreError } from '../types.ts';

export interface LeafKey {
  readonly year: number;
  readonly month: number;
  readonly category: string;
  readonly special: string;
}

export const PLAIN_LEAF: LeafKey = { year: 0, month: 0, category: '', special: '' };

/** The leaf of that key, made when it is the first to be filed there. */
export function leafFor(context: AccountContext, change: Change, tree: TreeRow, key: LeafKey): number {
  const known = context
    .sql<{ id: number; messages: number }>(
      'SELECT id, messages FROM leaf WHERE tree = ? AND year = ? AND month = ? AND category = ? AND special = ?',
    )
    .get(tree.id, key.year, key.month, key.category, key.special);
  // Levels of a calendar come into being with their first message; other leaves are always there.
  if (key.year > 0 && (!known || known.messages === 0)) change.viewsChanged(tree);
  if (known) return known.id;
  const made = context
    .sql<{ id: number }>('INSERT INTO leaf (tree, year, month, category, special) VALUES (?, ?, ?, ?, ?) RETURNING id')
    .get(tree.id, key.year, key.month, key.category, key.special);
  if (!made) throw new StoreError('SERVERBUG', "Errore interno dell'archivio");
  return made.id;
}
