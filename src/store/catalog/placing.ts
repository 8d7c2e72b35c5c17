/** Where a message goes: the rules of the three trees and of local mailboxes, for filing, copying and moving alike. */
import type { Category } from '../../pec/types.ts';
import type { AccountContext, Change, TreeRow } from '../database/context.ts';
import { signatureStatus } from '../exchange/facts.ts';
import { refreshWatched } from '../exchange/watch.ts';
import { journalHashes } from '../journal/journal.ts';
import { type Flag, type Origin, StoreError, type View } from '../types.ts';
import { allocateUid, type EntryRow, entryOfMessage, insertEntry, recordExpunged, updateFlags } from './entries.ts';
import { CONSERVED, isReserved, Keywords, REFUSED, signatureKeywords, splitFlags } from './flags.ts';
import { leafFor, PLAIN_LEAF } from './leaves.ts';
import type { MessageRow } from './messages.ts';
import { romeMonth } from './rome.ts';
import { checkServed } from './service.ts';
import { asCategory, leafView, leavesOf, treeOf } from './views.ts';

export interface Placing {
  readonly flags: readonly Flag[];
  readonly internalDate: number;
  readonly origin: Pick<Origin, 'direction' | 'source'>;
}

export interface Placed {
  readonly view: View;
  readonly tree: TreeRow;
  readonly uid: number;
  readonly duplicate: boolean;
}

const NOT_INTO_CONSERVATION =
  'In Conservazione i messaggi entrano solo attraverso la cartella di versamento: copiarlo lì per conservarlo';

/** Whether clients may put messages there at all. Cheap, and before any octet is looked at. */
export function checkPlace(context: AccountContext, to: View, source: string): TreeRow {
  if (to.tree === 'conservation') {
    const system = 'special' in to && (source === 'report' || source === 'distribution');
    if (!system) throw new StoreError('CANNOT', NOT_INTO_CONSERVATION);
  }
  if (to.tree === 'watch') {
    throw new StoreError(
      'CANNOT',
      'In questa cartella i messaggi entrano ed escono da soli: non se ne possono mettere',
    );
  }
  if (!('special' in to)) checkServed(context, to);
  return treeOf(context, to);
}

/** For what is asked of a view under watch. */
export function unremovable(): StoreError {
  return new StoreError(
    'CANNOT',
    'Da questa cartella i messaggi escono da soli: si eliminano o si spostano da Archivio',
  );
}

export function place(context: AccountContext, change: Change, message: MessageRow, to: View, how: Placing): Placed {
  const tree = checkPlace(context, to, how.origin.source);
  if (to.tree === 'archive') return placeInArchive(context, change, tree, message, how);
  if (to.tree === 'intake') return placeInIntake(context, change, tree, message, how);
  if (to.tree === 'conservation') {
    const special = 'special' in to ? to.special : 'reports';
    return placeOnce(context, change, tree, message, how, { ...PLAIN_LEAF, special }, how.flags);
  }
  const leaf = leafFor(context, change, tree, PLAIN_LEAF);
  const uid = add(context, change, tree, leaf, message, how, clientFlags(how.flags));
  return { view: { tree: 'local', name: tree.name }, tree, uid, duplicate: false };
}

/** The leaf of the archive (and later of conservation) that a message's date and kind give. */
export function calendarLeaf(
  filedAt: number,
  category: string,
): { year: number; month: number; category: string; special: '' } {
  return { ...romeMonth(filedAt), category, special: '' };
}

function placeInArchive(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  message: MessageRow,
  how: Placing,
): Placed {
  const present = message.entries === 0 ? null : entryOfMessage(context, tree, message.id);
  if (present) return existing(context, tree, present);
  const category = categoryOf(message, how.origin.direction);
  const filedAt = filingDate(message, how.internalDate);
  if (category !== message.category || filedAt !== message.filed_at) {
    context.sql('UPDATE message SET category = ?, filed_at = ? WHERE id = ?').run(category, filedAt, message.id);
  }
  const flags = clientFlags(how.flags).filter(flag => flag.toLowerCase() !== '\\deleted');
  // An archived copy is no second unread message; who appends a message says himself whether it has been read.
  if (how.origin.source !== 'imap-append') flags.push('\\Seen');
  if (message.package !== null) flags.push(CONSERVED);
  flags.push(...signatureKeywords(signatureStatus(context, message.id)));
  const leaf = leafFor(context, change, tree, calendarLeaf(filedAt, category));
  const uid = add(context, change, tree, leaf, message, how, flags);
  refreshWatched(context, change, message.id);
  const view: View = { tree: 'archive', ...romeMonth(filedAt), category };
  return { view, tree, uid, duplicate: false };
}

function placeInIntake(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  message: MessageRow,
  how: Placing,
): Placed {
  placeInArchive(context, change, treeOf(context, { tree: 'archive' }), message, how);
  const leaf = leafFor(context, change, tree, PLAIN_LEAF);
  const view: View = { tree: 'intake' };
  if (message.package !== null) {
    // Conserved long ago: the copy gets its UID and leaves at once, as it would after conservation.
    const uid = allocateUid(context, tree);
    recordExpunged(context, change, tree, uid, leaf);
    return { view, tree, uid, duplicate: true };
  }
  const present = entryOfMessage(context, tree, message.id);
  if (present) {
    dropKeyword(context, change, tree, present, REFUSED);
    enqueue(context, change, tree, message.id, present.uid);
    return { view, tree, uid: present.uid, duplicate: true };
  }
  const flags = clientFlags(how.flags).filter(flag => flag.toLowerCase() !== '\\deleted');
  const uid = add(context, change, tree, leaf, message, how, flags);
  enqueue(context, change, tree, message.id, uid);
  return { view, tree, uid, duplicate: false };
}

function placeOnce(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  message: MessageRow,
  how: Placing,
  key: Parameters<typeof leafFor>[3],
  flags: readonly Flag[],
): Placed {
  const present = entryOfMessage(context, tree, message.id);
  if (present) return existing(context, tree, present);
  const leaf = leafFor(context, change, tree, key);
  const uid = add(context, change, tree, leaf, message, how, flags);
  return { view: leafView(tree, key), tree, uid, duplicate: false };
}

/** Puts a message into the queue, or back into it after a refusal. */
function enqueue(context: AccountContext, change: Change, tree: TreeRow, message: number, intakeUid: number): void {
  context.sql('DELETE FROM refusal WHERE message = ?').run(message);
  context
    .sql(
      `INSERT INTO queue (message, intake_uid, by_policy, queued_at) VALUES (?, ?, 0, ?)
       ON CONFLICT (message) DO UPDATE SET intake_uid = excluded.intake_uid`,
    )
    .run(message, intakeUid, change.at);
  change.queued(tree);
}

function existing(context: AccountContext, tree: TreeRow, entry: EntryRow): Placed {
  const leaf = leavesOf(context, tree.id).find(candidate => candidate.id === entry.leaf);
  if (!leaf) throw new StoreError('SERVERBUG', "Errore interno dell'archivio");
  return { view: leafView(tree, leaf), tree, uid: entry.uid, duplicate: true };
}

function add(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  leaf: number,
  message: MessageRow,
  how: Placing,
  flags: readonly Flag[],
): number {
  const { bits, keywords } = splitFlags(flags);
  if (tree.kind !== 'local') journalHashes(context, 'filed', how.origin.source, [message.sha256], { tree: tree.kind });
  return insertEntry(context, change, {
    tree,
    leaf,
    message: message.id,
    bits,
    keywords: keywords.length === 0 ? '' : new Keywords(context, tree).encode(keywords),
    internalDate: how.internalDate,
    size: message.size,
  });
}

function dropKeyword(context: AccountContext, change: Change, tree: TreeRow, entry: EntryRow, keyword: Flag): void {
  const keywords = new Keywords(context, tree);
  const id = keywords.find(keyword);
  if (id === null || !entry.keywords.includes(`,${id},`)) return;
  const rest = keywords.decode(entry.keywords).filter(name => name.toLowerCase() !== keyword.toLowerCase());
  updateFlags(context, change, tree, { uid: entry.uid, bits: entry.flags, keywords: keywords.encode(rest) });
}

export function addKeyword(
  context: AccountContext,
  change: Change,
  tree: TreeRow,
  entry: EntryRow,
  keyword: Flag,
  keywords = new Keywords(context, tree),
): void {
  const names = keywords.decode(entry.keywords);
  if (names.some(name => name.toLowerCase() === keyword.toLowerCase())) return;
  updateFlags(context, change, tree, {
    uid: entry.uid,
    bits: entry.flags,
    keywords: keywords.encode([...names, keyword]),
  });
}

function clientFlags(flags: readonly Flag[]): Flag[] {
  return flags.filter(flag => !isReserved(flag));
}

export function categoryOf(
  message: Pick<MessageRow, 'kind_category' | 'from_self'>,
  direction: Origin['direction'],
): Category {
  const kind = asCategory(message.kind_category);
  const sent = direction === 'sent' || (direction === 'unknown' && message.from_self === 1);
  return kind === 'Ordinaria' && sent ? 'Inviati' : kind;
}

/** A certified date far outside the age of PEC is somebody's joke, and an INTERNALDATE can be anything. */
export function filingDate(message: Pick<MessageRow, 'certified_at'>, internalDate: number): number {
  const plausible = (at: number): boolean => at > 0 && at < 4_102_444_800_000;
  if (message.certified_at !== null && plausible(message.certified_at)) return message.certified_at;
  return plausible(internalDate) ? internalDate : Date.now();
}
