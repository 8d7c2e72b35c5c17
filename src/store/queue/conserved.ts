/** Messages of a sealed package change trees: one transaction each, in order, so that clients see them go one by one. */
import { entryOfMessage, insertEntry, removeEntries } from '../catalog/entries.ts';
import { CONSERVED, DELETED, isReserved, Keywords } from '../catalog/flags.ts';
import { leafFor } from '../catalog/leaves.ts';
import { messageById, messageHandle, messageId } from '../catalog/messages.ts';
import { addKeyword, calendarLeaf } from '../catalog/placing.ts';
import { treeOf } from '../catalog/views.ts';
import type { AccountContext, Change } from '../database/context.ts';
import { journalMessages } from '../journal/journal.ts';
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

/** Moves the package's next message; false when all have moved. */
export function conserveNext(context: AccountContext, packageId: string): boolean {
  const next = context
    .sql<{ position: number; message: number; sealed_at: number }>(
      `SELECT m.position, m.message, p.sealed_at FROM package_message m JOIN package p ON p.id = m.package
       WHERE m.package = ? AND m.done = 0 ORDER BY m.position LIMIT 1`,
    )
    .get(packageId);
  if (!next) return false;
  context.write(change => {
    conserve(context, change, next.message, packageId, next.sealed_at);
    context.sql('UPDATE package_message SET done = 1 WHERE package = ? AND position = ?').run(packageId, next.position);
  });
  return true;
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

function conserve(context: AccountContext, change: Change, id: number, packageId: string, at: number): void {
  const message = messageById(context, id);
  // Two packages hold it: the first counts.
  if (message.package !== null) return;
  const intake = treeOf(context, { tree: 'intake' });
  const archive = treeOf(context, { tree: 'archive' });
  const conservation = treeOf(context, { tree: 'conservation' });
  const waiting = entryOfMessage(context, intake, id);
  const archived = entryOfMessage(context, archive, id);
  context.sql('UPDATE message SET package = ?, conserved_at = ? WHERE id = ?').run(packageId, at, id);
  context.sql('DELETE FROM queue WHERE message = ?').run(id);
  context.sql('DELETE FROM refusal WHERE message = ?').run(id);
  const source = archived ?? waiting;
  const names = new Keywords(context, archived ? archive : intake).decode(source?.keywords ?? '');
  insertEntry(context, change, {
    tree: conservation,
    leaf: leafFor(context, change, conservation, calendarLeaf(message.filed_at, message.category)),
    message: id,
    bits: (source?.flags ?? 0) & ~DELETED,
    keywords: new Keywords(context, conservation).encode(names.filter(name => !isReserved(name))),
    internalDate: source?.internal_date ?? message.internal_date,
    size: message.size,
  });
  journalMessages(context, 'conserved', 'conservation', [id], { package: packageId });
  if (archived) addKeyword(context, change, archive, archived, CONSERVED);
  if (waiting) removeEntries(context, change, intake, [waiting]);
}
