/**
 * Messages of a sealed package change trees in order, some in one transaction: clients are told of each, and a group is
 * small enough that they hear of its first message at once.
 */
import { entryOfMessage, insertEntry, removeEntries } from '../catalog/entries.ts';
import { CONSERVED, DELETED, isReserved, isSignatureKeyword, Keywords } from '../catalog/flags.ts';
import { leafFor } from '../catalog/leaves.ts';
import { messageById, messageHandle, messageId } from '../catalog/messages.ts';
import { addKeyword, calendarLeaf } from '../catalog/placing.ts';
import { treeOf } from '../catalog/views.ts';
import type { AccountContext, Change, TreeRow } from '../database/context.ts';
import { refreshWatched } from '../exchange/watch.ts';
import { rememberDeparted } from '../fetch/departed.ts';
import { journalMessages } from '../journal/journal.ts';
import { CONSERVED_GROUP, CONSERVED_GROUP_MS } from '../limits.ts';
import { type SealedPackage, StoreError } from '../types.ts';

/** Records the package; its messages follow by `conserveNext`. Recording it again changes nothing. */
export function sealPackage(context: AccountContext, sealed: SealedPackage): void {
  context.write(() => {
    if (context.sql('SELECT 1 FROM package WHERE id = ?').get(sealed.packageId) !== undefined) return;
    context.sql('INSERT INTO package (id, sealed_at) VALUES (?, ?)').run(sealed.packageId, sealed.sealedAt);
    sealed.messages.forEach(({ message, sha256 }, position) => {
      const row = messageById(context, messageId(message));
      if (Buffer.from(row.sha256).toString('hex') !== sha256.toLowerCase()) {
        throw new StoreError('CORRUPTION', "L'impronta nel pacchetto non è quella del messaggio archiviato");
      }
      context
        .sql('INSERT INTO package_message (package, position, message) VALUES (?, ?, ?)')
        .run(sealed.packageId, position, row.id);
    });
  });
}

/** Moves the package's next messages, one group of them; how many, 0 when all have moved. */
export function conserveNext(context: AccountContext, packageId: string): number {
  const group = context
    .sql<{ position: number; message: number; sealed_at: number }>(
      `SELECT m.position, m.message, p.sealed_at FROM package_message m JOIN package p ON p.id = m.package
       WHERE m.package = ? AND m.done = 0 ORDER BY m.position LIMIT ?`,
    )
    .all(packageId, CONSERVED_GROUP);
  if (group.length === 0) return 0;
  const [{ sealed_at: at }] = group as [(typeof group)[number]];
  return context.write(change => {
    const trees = new Trees(context);
    const moved: number[] = [];
    const started = performance.now();
    let done = 0;
    for (const { position, message } of group) {
      if (conserve(context, change, trees, { message, packageId, at })) moved.push(message);
      context.sql('UPDATE package_message SET done = 1 WHERE package = ? AND position = ?').run(packageId, position);
      done++;
      if (performance.now() - started > CONSERVED_GROUP_MS) break;
    }
    journalMessages(context, 'conserved', 'conservation', moved, { package: packageId });
    return done;
  });
}

/** Packages that a crash left with messages still to be moved. */
export function unfinishedPackages(context: AccountContext): string[] {
  return context
    .sql<string>('SELECT DISTINCT package FROM package_message WHERE done = 0 ORDER BY package')
    .pluck()
    .all();
}

export function packages(context: AccountContext): SealedPackage[] {
  const messages = context.sql<{ message: number; sha256: Uint8Array }>(
    'SELECT p.message, m.sha256 FROM package_message p JOIN message m ON m.id = p.message WHERE p.package = ? ORDER BY p.position',
  );
  return context
    .sql<{ id: string; sealed_at: number }>('SELECT id, sealed_at FROM package ORDER BY sealed_at, id')
    .all()
    .map(row => ({
      packageId: row.id,
      sealedAt: row.sealed_at,
      messages: messages.all(row.id).map(member => ({
        message: messageHandle(member.message),
        sha256: Buffer.from(member.sha256).toString('hex'),
      })),
    }));
}

/** The three trees with their keywords, looked up once for a group. */
class Trees {
  readonly intake: TreeRow;
  readonly archive: TreeRow;
  readonly conservation: TreeRow;
  readonly intakeKeywords: Keywords;
  readonly archiveKeywords: Keywords;
  readonly conservationKeywords: Keywords;

  constructor(context: AccountContext) {
    this.intake = treeOf(context, { tree: 'intake' });
    this.archive = treeOf(context, { tree: 'archive' });
    this.conservation = treeOf(context, { tree: 'conservation' });
    this.intakeKeywords = new Keywords(context, this.intake);
    this.archiveKeywords = new Keywords(context, this.archive);
    this.conservationKeywords = new Keywords(context, this.conservation);
  }
}

/** False when another package holds the message: the first counts. */
function conserve(
  context: AccountContext,
  change: Change,
  trees: Trees,
  what: { readonly message: number; readonly packageId: string; readonly at: number },
): boolean {
  const message = messageById(context, what.message);
  if (message.package !== null) return false;
  const { id } = message;
  const { intake, archive, conservation } = trees;
  const waiting = entryOfMessage(context, intake, id);
  const archived = entryOfMessage(context, archive, id);
  context.sql('UPDATE message SET package = ?, conserved_at = ? WHERE id = ?').run(what.packageId, what.at, id);
  context.sql('DELETE FROM queue WHERE message = ?').run(id);
  context.sql('DELETE FROM refusal WHERE message = ?').run(id);
  const source = archived ?? waiting;
  const names = (archived ? trees.archiveKeywords : trees.intakeKeywords).decode(source?.keywords ?? '');
  insertEntry(context, change, {
    tree: conservation,
    leaf: leafFor(context, change, conservation, calendarLeaf(message.filed_at, message.category)),
    message: id,
    bits: (source?.flags ?? 0) & ~DELETED,
    keywords: trees.conservationKeywords.encode(names.filter(name => !isReserved(name) || isSignatureKeyword(name))),
    internalDate: source?.internal_date ?? message.internal_date,
    size: message.size,
  });
  if (archived) addKeyword(context, change, archive, archived, CONSERVED, trees.archiveKeywords);
  if (waiting) {
    rememberDeparted(context, waiting);
    removeEntries(context, change, intake, [waiting]);
  }
  refreshWatched(context, change, id);
  return true;
}
