/** Packages of distribution that were asked for and are not made yet. */
import type { EntryRow } from '../catalog/entries.ts';
import { messageHandle } from '../catalog/messages.ts';
import { treeOf } from '../catalog/views.ts';
import type { AccountContext, Change } from '../database/context.ts';
import { journal, journalMessages } from '../journal/journal.ts';
import { type DistributionRequest, StoreError } from '../types.ts';

/** Messages of one request: more belong into an export. */
const MAX_MESSAGES = 1000;
/** Octets of the messages of one request: the ZIP has to fit into a message. */
const MAX_BYTES = 150_000_000;

/** Records what a COPY into `Pacchetti di distribuzione` asks for: one package of all its messages. */
export function requestDistribution(context: AccountContext, change: Change, entries: readonly EntryRow[]): void {
  if (entries.length === 0) return;
  const ids = [...new Set(entries.map(entry => entry.message))];
  const row = context
    .sql<{ conserved: number; bytes: number }>(
      `SELECT count(package) AS conserved, sum(size) AS bytes FROM message
       WHERE id IN (SELECT value FROM json_each(?))`,
    )
    .get(JSON.stringify(ids));
  if (row?.conserved !== ids.length) {
    throw new StoreError(
      'CANNOT',
      ids.length === 1
        ? 'Il messaggio non è conservato: il pacchetto di distribuzione si può fare solo di messaggi conservati'
        : 'Non tutti i messaggi sono conservati: il pacchetto di distribuzione si può fare solo di messaggi conservati',
    );
  }
  if (ids.length > MAX_MESSAGES || row.bytes > MAX_BYTES) {
    throw new StoreError(
      'CANNOT',
      `Troppi messaggi per un solo pacchetto (al più ${MAX_MESSAGES} messaggi e ${MAX_BYTES / 1e6} MB): copiarne meno ` +
        'alla volta, o chiedere all\'amministratore il comando "archivia dip"',
    );
  }
  context.sql('INSERT INTO distribution (messages, requested_at) VALUES (?, ?)').run(JSON.stringify(ids), change.at);
  journalMessages(context, 'distribution-requested', 'imap', ids, {});
  change.queued(treeOf(context, { tree: 'conservation' }));
}

export function distributionRequests(context: AccountContext): DistributionRequest[] {
  return context
    .sql<{ id: number; messages: string; requested_at: number }>(
      'SELECT id, messages, requested_at FROM distribution ORDER BY id',
    )
    .all()
    .map(row => {
      const ids: number[] = JSON.parse(row.messages);
      return { id: row.id, messages: ids.map(messageHandle), requestedAt: row.requested_at };
    });
}

/** The package lies in its folder, or cannot be made. */
export function distributionDone(context: AccountContext, id: number, outcome: object): void {
  context.write(() => {
    const { changes } = context.sql('DELETE FROM distribution WHERE id = ?').run(id);
    if (changes > 0) journal(context, 'distribution-made', 'conservation', { request: id, ...outcome });
  });
}
