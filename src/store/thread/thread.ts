import { setImmediate } from 'node:timers/promises';
import type { SearchCriteria, ThreadAlgorithm } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import { selectMatching } from '../search/search.ts';
import type { ThreadList, View } from '../types.ts';
import { listThreads, type Threaded, type ThreadNode } from './forest.ts';
import { byOrderedSubject } from './ordered-subject.ts';
import { withoutBrackets } from './reference-id.ts';
import { byReferences, byRefs } from './references.ts';

interface Row {
  readonly uid: number;
  readonly sent_at: number;
  readonly subject: string;
  readonly is_reply: number;
  readonly message_id: string | null;
  readonly reference_id: string | null;
  readonly refs: string;
}

const ALGORITHMS: Record<ThreadAlgorithm, (messages: readonly Threaded[]) => ThreadNode[]> = {
  references: byReferences,
  refs: byRefs,
  orderedSubject: byOrderedSubject,
};

/** Threads of the messages of a view that meet the criteria. */
export async function thread(
  context: AccountContext,
  view: View,
  criteria: SearchCriteria,
  algorithm: ThreadAlgorithm,
): Promise<ThreadList> {
  const rows = await selectMatching(context, view, criteria, (where, parameters) =>
    context.db
      .prepare<unknown[], Row>(
        `SELECT e.uid, ifnull(s.sent_at, e.internal_date) AS sent_at, s.subject, s.is_reply,
           s.message_id, s.reference_id, s.refs
         FROM entry e JOIN sorting s ON s.message = e.message
         WHERE ${where} ORDER BY e.uid`,
      )
      .all(...parameters),
  );
  // Other accounts of this thread get their turn.
  await setImmediate();
  const messages = rows.map(
    (row): Threaded => ({
      uid: row.uid,
      sentAt: Math.floor(row.sent_at / 1000),
      subject: row.subject,
      isReply: row.is_reply === 1,
      id: row.reference_id === null ? withoutBrackets(row.message_id) : row.reference_id || null,
      references: row.refs === '' ? [] : row.refs.split('\n'),
    }),
  );
  return listThreads(ALGORITHMS[algorithm](messages));
}
