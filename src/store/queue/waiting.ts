/** The queue for conservation. */
import { entryOfMessage } from '../catalog/entries.ts';
import { REFUSED } from '../catalog/flags.ts';
import { messageById, messageId } from '../catalog/messages.ts';
import { addKeyword } from '../catalog/placing.ts';
import { treeOf } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import { journalMessages } from '../journal/journal.ts';
import type { QueuedMessage } from '../types.ts';
import { recordById } from './record.ts';

/** Queues by policy; what is conserved, waiting or refused already is passed over. */
export function queue(context: AccountContext, handles: readonly string[]): void {
  context.write(change => {
    const intake = treeOf(context, { tree: 'intake' });
    for (const handle of handles) {
      const message = messageById(context, messageId(handle));
      if (message.package !== null || isRefused(context, message.id)) continue;
      const { changes } = context
        .sql(
          `INSERT INTO queue (message, intake_uid, by_policy, queued_at) VALUES (?, NULL, 1, ?)
           ON CONFLICT (message) DO UPDATE SET by_policy = 1`,
        )
        .run(message.id, change.at);
      if (changes > 0) change.queued(intake);
    }
  });
}

/** The longest waiting first. */
export function queued(context: AccountContext, limit: number, offset = 0): QueuedMessage[] {
  return context
    .sql<{ message: number; intake_uid: number | null; attempts: number; queued_at: number }>(
      'SELECT message, intake_uid, attempts, queued_at FROM queue ORDER BY position LIMIT ? OFFSET ?',
    )
    .all(limit, offset)
    .map(row => ({
      ...recordById(context, row.message),
      intakeUid: row.intake_uid,
      attempts: row.attempts,
      queuedAt: row.queued_at,
    }));
}

export function queueFailed(context: AccountContext, handle: string, reason: string, refused: boolean): void {
  const message = messageId(handle);
  context.write(change => {
    if (!refused) {
      context.sql('UPDATE queue SET attempts = attempts + 1, reason = ? WHERE message = ?').run(reason, message);
      return;
    }
    const { changes } = context.sql('DELETE FROM queue WHERE message = ?').run(message);
    if (changes === 0) return;
    context
      .sql(
        'INSERT INTO refusal (message, reason, at) VALUES (?, ?, ?) ON CONFLICT (message) DO UPDATE SET reason = excluded.reason, at = excluded.at',
      )
      .run(message, reason, change.at);
    journalMessages(context, 'refused', 'conservation', [message], { reason });
    for (const kind of ['intake', 'archive'] as const) {
      const tree = treeOf(context, { tree: kind });
      const entry = entryOfMessage(context, tree, message);
      if (entry) addKeyword(context, change, tree, entry, REFUSED);
    }
  });
}

function isRefused(context: AccountContext, message: number): boolean {
  return context.sql('SELECT 1 FROM refusal WHERE message = ?').get(message) !== undefined;
}
