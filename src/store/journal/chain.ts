/** The hash chain of the journal: what a reader needs to check it, without the database. */
import { createHash } from 'node:crypto';
import type { JournalEntry } from '../types.ts';

/** Hash before the first entry. */
export const JOURNAL_START = '0'.repeat(64);

/**
 * Hex SHA-256 of the entry before and the entry's own fields, each ended by LF. `detail` is JSON, which has no line
 * breaks; neither have act and actor.
 */
export function journalHash(previous: string, entry: Omit<JournalEntry, 'hash'>): string {
  const { seq, at, act, actor, detail } = entry;
  return createHash('sha256').update(`${previous}\n${seq}\n${at}\n${act}\n${actor}\n${detail}\n`).digest('hex');
}
