/** STATUS, SELECT and what has changed since: counters and index look-ups. */
import type { AccountContext } from '../database/context.ts';
import type { MessageFlags, OpenedView, View, ViewChanges, ViewStatus } from '../types.ts';
import { Keywords, SYSTEM_FLAGS } from './flags.ts';
import { isFrozen } from './service.ts';
import { type ResolvedView, resolve } from './views.ts';

export function status(context: AccountContext, views: readonly View[]): ViewStatus[] {
  return views.map(view => statusOf(resolve(context, view)));
}

export function open(context: AccountContext, view: View, options: { readonly readOnly: boolean }): OpenedView {
  const resolved = resolve(context, view);
  const counters = statusOf(resolved);
  const uids = context.sql<number>(`SELECT e.uid FROM entry e WHERE ${resolved.where} ORDER BY e.uid`).pluck().all();
  const frozen = isFrozen(context, view);
  const writable =
    view.tree === 'conservation' || view.tree === 'watch'
      ? SYSTEM_FLAGS.filter(flag => flag !== '\\Deleted')
      : SYSTEM_FLAGS;
  return {
    ...counters,
    uids: Uint32Array.from(uids),
    firstUnseen: counters.unseen > 0 ? firstUnseen(context, resolved) : null,
    keywords: new Keywords(context, resolved.tree).names(),
    readOnly: options.readOnly || frozen,
    permanentFlags: frozen ? [] : [...writable, '\\*'],
  };
}

export function changes(context: AccountContext, view: View, sinceModseq: number): ViewChanges {
  const resolved = resolve(context, view);
  const keywords = new Keywords(context, resolved.tree);
  const added: MessageFlags[] = [];
  const changed: MessageFlags[] = [];
  const rows = context
    .sql<{ uid: number; flags: number; keywords: string; modseq: number; born: number }>(
      `SELECT e.uid, e.flags, e.keywords, e.modseq, e.born FROM entry e
       WHERE ${resolved.where} AND e.modseq > ? ORDER BY e.uid`,
    )
    .iterate(sinceModseq);
  for (const row of rows) {
    const flags = { uid: row.uid, flags: keywords.flags(row.flags, row.keywords), modseq: row.modseq };
    (row.born > sinceModseq ? added : changed).push(flags);
  }
  const vanished = context
    .sql<number>(`SELECT e.uid FROM expunged e WHERE ${resolved.where} AND e.modseq > ? ORDER BY e.uid`)
    .pluck()
    .all(sinceModseq);
  return { added, changed, vanished, highestModseq: statusOf(resolved).highestModseq };
}

function statusOf({ view, tree, leaves }: ResolvedView): ViewStatus {
  let [messages, unseen, deleted, size, maxUid, maxModseq] = [0, 0, 0, 0, 0, 1];
  for (const leaf of leaves) {
    messages += leaf.messages;
    unseen += leaf.unseen;
    deleted += leaf.deleted;
    size += leaf.bytes;
    maxUid = Math.max(maxUid, leaf.max_uid);
    maxModseq = Math.max(maxModseq, leaf.max_modseq);
  }
  return {
    messages,
    unseen,
    deleted,
    recent: 0,
    uidNext: maxUid + 1,
    uidValidity: tree.uidvalidity,
    mailboxId: mailboxId(view, tree.uidvalidity),
    highestModseq: maxModseq,
    size,
  };
}

/** A tree's UIDVALIDITY is given to no other, and stays with it under another name. */
function mailboxId(view: View, uidValidity: number): string {
  const levels: (string | number)[] = [];
  if ('special' in view) levels.push(view.special);
  else if ('year' in view) {
    for (const level of [view.year, view.month, view.category]) if (level !== undefined) levels.push(level);
  }
  return [`F${uidValidity}`, ...levels].join('-');
}

function firstUnseen(context: AccountContext, resolved: ResolvedView): number | null {
  let first: number | null = null;
  for (const leaf of resolved.leaves) {
    if (leaf.unseen === 0) continue;
    const row = context
      .sql<{ uid: number | null }>('SELECT min(uid) AS uid FROM entry WHERE leaf = ? AND (flags & 1) = 0')
      .get(leaf.id);
    if (row?.uid != null && (first === null || row.uid < first)) first = row.uid;
  }
  return first;
}
