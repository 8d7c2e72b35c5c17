/**
 * The views under watch: `In attesa di consegna`, `Non consegnati`, `Da conservare`.
 *
 * What they show changes with receipts and with the clock, and a message can come into one long after younger ones have:
 * a mailbox's UIDs ascend in the order in which messages come into it (RFC 3501 section 2.3.1.1), so these views cannot
 * show Archivio's. They are the leaves of a tree of their own. Coming and going is an entry and an expunged UID there,
 * written in the transaction of what caused it, and everything that sessions need (EXISTS, VANISHED, counters, QRESYNC)
 * follows as for every other tree.
 */
import { exchangeState } from '../../pec/exchange.ts';
import { type EntryRow, entryOfMessage, insertEntry, removeEntries } from '../catalog/entries.ts';
import { DELETED, Keywords, SEEN } from '../catalog/flags.ts';
import { leafFor, PLAIN_LEAF } from '../catalog/leaves.ts';
import { setting } from '../catalog/settings.ts';
import { treeOf } from '../catalog/views.ts';
import type { AccountContext, Change } from '../database/context.ts';
import type { Watched } from '../types.ts';
import { reviewAt, shortHash } from './facts.ts';
import { type PartRow, partRow, partsOf, rowsOf, type StoredPart } from './parts.ts';

const DAY = 86_400_000;
/** Of a message archived later than this, the absence of any receipt says nothing: they may have been deleted. */
const FRESH = 7 * DAY;
/** Messages of one transaction. */
const RUN = 200;
const EXPIRING_DAYS = 'expiringDays';
/** Where nobody has said. */
const DEFAULT_EXPIRING_DAYS = 90;

/** Brings the views under watch up to date after a message came into Archivio, left it or was conserved. */
export function refreshWatched(context: AccountContext, change: Change, message: number): void {
  const row = partRow(context, message);
  if (row !== null) refreshExchange(context, change, row, change.at);
  refreshExpiring(context, change, message, change.at);
}

/**
 * Does what the clock has made due, a run of messages a call.
 * @param days before its certificate ends that a message enters `Da conservare`
 * @returns whether there is more to do
 */
export function reviewWatched(context: AccountContext, days: number, now: number = Date.now()): boolean {
  if (expiringDays(context) !== days) {
    context.write(() => {
      context
        .sql('INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
        .run(EXPIRING_DAYS, String(days));
      context.sql('UPDATE review SET at = 0').run();
    });
  }
  const due = context
    .sql<number>('SELECT message FROM review WHERE at <= ? ORDER BY at, message LIMIT ?')
    .pluck()
    .all(now, RUN);
  if (due.length === 0) return false;
  context.write(change => {
    for (const message of due) {
      reviewAt(context, message, null);
      const row = partRow(context, message);
      if (row?.role === 'sent') refreshExchange(context, change, row, now);
      refreshExpiring(context, change, message, now);
    }
  });
  return due.length === RUN;
}

function expiringDays(context: AccountContext): number {
  return Number(setting(context, EXPIRING_DAYS) ?? DEFAULT_EXPIRING_DAYS);
}

/** Shows what was sent where its exchange says; of several copies of one message the first that is archived. */
function refreshExchange(context: AccountContext, change: Change, one: PartRow, now: number): void {
  const rows = rowsOf(context, one);
  if (!rows.some(({ role }) => role === 'sent')) return;
  const parts = partsOf(context, one, rows);
  let first = true;
  for (const sent of parts) {
    if (sent.role !== 'sent') continue;
    const archived = archivedAsSent(context, sent.message);
    const outlook = archived && first ? outlookOf(context, sent, parts, archived.storedAt, now) : NOWHERE;
    if (archived) first = false;
    reviewAt(context, sent.message, outlook.reviewAt);
    show(context, change, sent.message, 'pending', outlook.view === 'pending');
    show(context, change, sent.message, 'undelivered', outlook.view === 'undelivered');
  }
}

interface Outlook {
  readonly view: 'pending' | 'undelivered' | null;
  readonly reviewAt: number | null;
}

const NOWHERE: Outlook = { view: null, reviewAt: null };

function outlookOf(
  context: AccountContext,
  sent: StoredPart,
  parts: readonly StoredPart[],
  storedAt: number,
  now: number,
): Outlook {
  const { state, receipts, dueAt } = exchangeState(sent, parts, now);
  if (state === 'delivered') return NOWHERE;
  if (state === 'failed') return { view: 'undelivered', reviewAt: null };
  const silent = receipts.length === 0;
  if (silent && (storedAt - sent.at > FRESH || !hasReceipts(context, sent.sender))) return NOWHERE;
  // While an old mailbox is being copied, the receipt that is missing may be on its way.
  const due = Math.max(dueAt, storedAt + DAY);
  if (now >= due) return { view: 'undelivered', reviewAt: null };
  return { view: storedAt - sent.at < DAY ? 'pending' : null, reviewAt: due };
}

/** Whether receipts of this sender are archived at all: mail of an ordinary mailbox never gets any. */
function hasReceipts(context: AccountContext, sender: string): boolean {
  return (
    context
      .sql(
        `SELECT 1 FROM exchange_part
         WHERE sender = ? AND trusted = 1 AND role IN ('accettazione', 'non-accettazione') LIMIT 1`,
      )
      .get(shortHash(sender)) !== undefined
  );
}

function archivedAsSent(context: AccountContext, message: number): { readonly storedAt: number } | null {
  return (
    context
      .sql<{ storedAt: number }>(
        `SELECT m.stored_at AS storedAt FROM message m JOIN entry e ON e.message = m.id JOIN tree t ON t.id = e.tree
         WHERE m.id = ? AND m.category = 'Inviati' AND t.kind = 'archive'`,
      )
      .get(message) ?? null
  );
}

function refreshExpiring(context: AccountContext, change: Change, message: number, now: number): void {
  const row = context
    .sql<{ not_after: number | null; package: string | null }>(
      `SELECT f.not_after, m.package FROM signature s JOIN signature_finding f ON f.id = s.finding
         JOIN message m ON m.id = s.message
       WHERE s.message = ? AND f.not_after IS NOT NULL`,
    )
    .get(message);
  if (!row) return;
  const end = row.not_after ?? 0;
  const start = end - expiringDays(context) * DAY;
  const over = row.package !== null || now > end;
  reviewAt(context, message, over ? null : now < start ? start : end + 1);
  show(context, change, message, 'expiring', !over && now >= start);
}

/** Puts a message into one of the views, or takes it out; only what lies in Archivio is shown. */
function show(context: AccountContext, change: Change, message: number, special: Watched, wanted: boolean): void {
  const tree = treeOf(context, { tree: 'watch', special });
  const leaf = leafFor(context, change, tree, { ...PLAIN_LEAF, special });
  const present = context
    .sql<Pick<EntryRow, 'uid' | 'leaf' | 'message'>>(
      'SELECT uid, leaf, message FROM entry WHERE message = ? AND tree = ? AND leaf = ?',
    )
    .get(message, tree.id, leaf);
  if (!wanted && !present) return;
  const archive = treeOf(context, { tree: 'archive' });
  const archived = entryOfMessage(context, archive, message);
  if (archived && wanted) {
    if (present) return;
    const keywords = new Keywords(context, archive).decode(archived.keywords);
    insertEntry(context, change, {
      tree,
      leaf,
      message,
      // What has failed is news.
      bits: special === 'undelivered' ? archived.flags & ~(SEEN | DELETED) : (archived.flags & ~DELETED) | SEEN,
      keywords: new Keywords(context, tree).encode(keywords),
      internalDate: archived.internal_date,
      size: archived.size,
    });
  } else if (present) removeEntries(context, change, tree, [present]);
}
