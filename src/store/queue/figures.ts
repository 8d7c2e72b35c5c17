import type { AccountContext } from '../database/context.ts';
import type { AccountFigures } from '../types.ts';

/** Counts over small tables and over one index: some milliseconds with 100,000 conserved messages. */
export function figures(context: AccountContext): AccountFigures {
  const queue = context
    .sql<{ waiting: number; oldest: number | null }>('SELECT count(*) AS waiting, min(queued_at) AS oldest FROM queue')
    .get();
  const conserved = context.sql<number>('SELECT count(*) FROM package_message WHERE done = 1').pluck().get();
  const stored = context.sql<number>('SELECT ifnull(sum(length), 0) FROM segment').pluck().get();
  return {
    waiting: queue?.waiting ?? 0,
    waitingSince: queue?.oldest ?? null,
    conserved: conserved ?? 0,
    storedBytes: stored ?? 0,
  };
}
