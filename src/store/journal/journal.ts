/**
 * The journal: every act on the archive, append-only, each entry chained to the one before it by its hash. Entries are
 * written in the transaction of the act itself.
 */
import type { AccountContext } from '../database/context.ts';
import type { JournalEntry, JournalHead } from '../types.ts';
import { JOURNAL_START, journalHash } from './chain.ts';

interface Row {
  readonly seq: number;
  readonly at: number;
  readonly act: string;
  readonly actor: string;
  readonly detail: string;
  readonly hash: Uint8Array;
}

const MAX_READ = 1000;

/** Writes an entry, inside the caller's transaction. */
export function journal(context: AccountContext, act: string, actor: string, detail: object): void {
  const head = journalHead(context);
  const entry = { seq: head.seq + 1, at: Date.now(), act, actor, detail: JSON.stringify(detail) };
  context
    .sql('INSERT INTO journal (seq, at, act, actor, detail, hash) VALUES (?, ?, ?, ?, ?, ?)')
    .run(entry.seq, entry.at, act, actor, entry.detail, Buffer.from(journalHash(head.hash, entry), 'hex'));
}

/** One entry for an act on messages, which are named by their SHA-256. */
export function journalMessages(
  context: AccountContext,
  act: string,
  actor: string,
  ids: readonly number[],
  detail: object,
): void {
  if (ids.length === 0) return;
  const sha256 = context.sql<Uint8Array>('SELECT sha256 FROM message WHERE id = ?').pluck();
  journalHashes(
    context,
    act,
    actor,
    ids.map(id => sha256.get(id) ?? new Uint8Array()),
    detail,
  );
}

/** The same where the SHA-256 are at hand. */
export function journalHashes(
  context: AccountContext,
  act: string,
  actor: string,
  hashes: readonly Uint8Array[],
  detail: object,
): void {
  journal(context, act, actor, { ...detail, messages: hashes.map(hex) });
}

export function journalHead(context: AccountContext): JournalHead {
  const row = context.sql<Pick<Row, 'seq' | 'hash'>>('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1').get();
  return row ? { seq: row.seq, hash: hex(row.hash) } : { seq: 0, hash: JOURNAL_START };
}

/** Entries after `after`, oldest first. */
export function readJournal(context: AccountContext, after: number, limit: number): JournalEntry[] {
  return context
    .sql<Row>('SELECT seq, at, act, actor, detail, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?')
    .all(after, Math.min(limit, MAX_READ))
    .map(row => ({ ...row, hash: hex(row.hash) }));
}

export function appendJournal(context: AccountContext, act: string, actor: string, detail: object): void {
  context.write(() => journal(context, act, actor, detail));
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
