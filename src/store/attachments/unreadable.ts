import { messageHandle } from '../catalog/messages.ts';
import type { AccountContext } from '../database/context.ts';
import { MAX_UNREADABLE_ROWS } from '../limits.ts';
import { expandFacts } from '../structure/facts.ts';
import type { UnreadablePart } from '../types.ts';

interface Row {
  readonly id: number;
  readonly message: number;
  readonly section: string;
  readonly reason: string;
  readonly uid: number | null;
  readonly facts: Uint8Array;
}

/** What SEARCH does not know of messages that somebody can see; of those that still wait nothing is said yet. */
export function unreadable(context: AccountContext, limit: number, after: number): UnreadablePart[] {
  const rows = context
    .sql<Row>(
      `SELECT u.rowid AS id, u.message, u.section, u.reason, s.facts,
         (SELECT e.uid FROM entry e JOIN tree t ON t.id = e.tree WHERE e.message = m.id AND t.kind = 'archive') AS uid
       FROM unreadable u JOIN message m ON m.id = u.message JOIN structure s ON s.message = m.id
       WHERE u.rowid > ? AND m.entries > 0 AND NOT EXISTS (SELECT 1 FROM text_pending p WHERE p.message = m.id)
       ORDER BY u.rowid LIMIT ?`,
    )
    .all(after, Math.min(limit, MAX_UNREADABLE_ROWS));
  return rows.map(({ facts, message, ...row }) => ({
    ...row,
    message: messageHandle(message),
    subject: expandFacts(facts).summary.subject,
  }));
}
