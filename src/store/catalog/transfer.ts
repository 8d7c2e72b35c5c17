/** COPY, MOVE and EXPUNGE inside the store: rows only, the octets stay where they are. */
import type { AccountContext, Change } from '../database/context.ts';
import { refreshWatched } from '../exchange/watch.ts';
import { journalMessages } from '../journal/journal.ts';
import { requestDistribution } from '../queue/distribution.ts';
import { type CopyOutcome, StoreError, type View } from '../types.ts';
import { deletedEntries, type EntryRow, entriesOf, removeEntries } from './entries.ts';
import { DELETED, Keywords } from './flags.ts';
import { messageById } from './messages.ts';
import { checkPlace, place, unremovable } from './placing.ts';
import { checkServed } from './service.ts';
import { type ResolvedView, resolve, treeOf } from './views.ts';

const BY_HAND = { direction: 'unknown', source: 'imap-copy' } as const;

export function copy(context: AccountContext, view: View, uids: readonly number[], to: View): CopyOutcome {
  return context.write(change => {
    const source = resolve(context, view);
    const entries = entriesOf(context, source, uids);
    if (to.tree === 'conservation' && 'special' in to && to.special === 'distribution') {
      requestDistribution(context, change, entries);
      return { uidValidity: treeOf(context, to).uidvalidity, requested: entries.length > 0, pairs: [] };
    }
    return copyEntries(context, change, source, entries, to);
  });
}

export function move(context: AccountContext, view: View, uids: readonly number[], to: View): CopyOutcome {
  return context.write(change => {
    const source = resolve(context, view);
    checkLeaves(context, view);
    const entries = entriesOf(context, source, uids);
    // The archive keeps what goes into the intake or is filed anew where it lies already.
    const stays = view.tree === 'archive' && (to.tree === 'archive' || to.tree === 'intake');
    const inPlace = stays || (view.tree === 'intake' && to.tree === 'intake');
    if (!inPlace) checkRemovable(context, source, entries);
    const outcome = copyEntries(context, change, source, entries, to);
    if (!inPlace) {
      journalRemoval(context, 'moved-out', source, entries);
      takeOut(context, change, source, entries);
    }
    return outcome;
  });
}

export function expunge(
  context: AccountContext,
  view: View,
  uids: readonly number[] | null,
): { uids: number[]; modseq: number } {
  return context.write(change => {
    const source = resolve(context, view);
    checkLeaves(context, view);
    const entries =
      uids === null
        ? deletedEntries(context, source)
        : entriesOf(context, source, uids).filter(entry => (entry.flags & DELETED) !== 0);
    return discard(context, change, source, entries);
  });
}

export function remove(context: AccountContext, view: View, uids: readonly number[]): void {
  context.write(change => {
    const source = resolve(context, view);
    checkLeaves(context, view);
    discard(context, change, source, entriesOf(context, source, uids));
  });
}

function discard(
  context: AccountContext,
  change: Change,
  source: ResolvedView,
  entries: readonly EntryRow[],
): { uids: number[]; modseq: number } {
  checkRemovable(context, source, entries);
  journalRemoval(context, 'removed', source, entries);
  takeOut(context, change, source, entries);
  const modseq =
    entries.length > 0 ? change.modseq(source.tree) : Math.max(1, ...source.leaves.map(leaf => leaf.max_modseq));
  return { uids: entries.map(entry => entry.uid), modseq };
}

function takeOut(context: AccountContext, change: Change, source: ResolvedView, entries: readonly EntryRow[]): void {
  removeEntries(context, change, source.tree, entries);
  if (source.tree.kind !== 'archive') return;
  for (const { message } of entries) refreshWatched(context, change, message);
}

function copyEntries(
  context: AccountContext,
  change: Change,
  source: ResolvedView,
  entries: readonly EntryRow[],
  to: View,
): CopyOutcome {
  const target = checkPlace(context, to, BY_HAND.source);
  const keywords = new Keywords(context, source.tree);
  const pairs = entries.map(entry => {
    const placed = place(context, change, messageById(context, entry.message), to, {
      flags: keywords.flags(entry.flags, entry.keywords),
      internalDate: entry.internal_date,
      origin: BY_HAND,
    });
    return { source: entry.uid, destination: placed.uid, view: placed.view };
  });
  return { uidValidity: target.uidvalidity, pairs };
}

/** Mailboxes of a local upstream are no archive. */
function journalRemoval(
  context: AccountContext,
  act: string,
  { tree }: ResolvedView,
  entries: readonly EntryRow[],
): void {
  if (tree.kind === 'local') return;
  const ids = entries.map(entry => entry.message);
  journalMessages(context, act, 'imap', ids, { tree: tree.kind });
}

/** All or nothing: one conserved message among many stops the whole command. */
function checkRemovable(context: AccountContext, source: ResolvedView, entries: readonly EntryRow[]): void {
  if (source.tree.kind !== 'archive') return;
  const row = context
    .sql<{ count: number }>(
      'SELECT count(*) AS count FROM message WHERE package IS NOT NULL AND id IN (SELECT value FROM json_each(?))',
    )
    .get(JSON.stringify(entries.map(entry => entry.message)));
  if (row && row.count > 0) {
    throw new StoreError('CANNOT', "Tra i messaggi ce ne sono di conservati: non si possono eliminare dall'archivio");
  }
}

/** Whether messages leave the view by command. */
function checkLeaves(context: AccountContext, view: View): void {
  checkServed(context, view);
  if (view.tree === 'watch') throw unremovable();
  if (view.tree !== 'conservation') return;
  throw new StoreError('CANNOT', 'Un messaggio in Conservazione non si può eliminare né spostare');
}
