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
  /** JSON; what names messages goes without them. */
  readonly detail: string;
  /** SHA-256 of messages that the detail names, one after the other. */
  readonly messages: Uint8Array;
  readonly hash: Uint8Array;
}

const MAX_READ = 1000;
const DIGEST_BYTES = 32;

/** Writes an entry, inside the caller's transaction. */
export function journal(context: AccountContext, act: string, actor: string, detail: object): void {
  append(context, act, actor, detail, new Uint8Array(0));
}

function append(context: AccountContext, act: string, actor: string, detail: object, messages: Uint8Array): void {
  const head = journalHead(context);
  const row = { seq: head.seq + 1, at: Date.now(), act, actor, detail: JSON.stringify(detail), messages };
  const hash = journalHash(head.hash, { ...row, detail: wholeDetail(row) });
  context
    .sql('INSERT INTO journal (seq, at, act, actor, detail, messages, hash) VALUES (?, ?, ?, ?, ?, ?, ?)')
    .run(row.seq, row.at, act, actor, row.detail, messages, Buffer.from(hash, 'hex'));
}

/** With `messages`, hex, as its last member where there are any. */
function wholeDetail({ detail, messages }: Pick<Row, 'detail' | 'messages'>): string {
  if (messages.length === 0) return detail;
  const digests: string[] = [];
  for (let at = 0; at < messages.length; at += DIGEST_BYTES) {
    digests.push(hex(messages.subarray(at, at + DIGEST_BYTES)));
  }
  return JSON.stringify({ ...JSON.parse(detail), messages: digests });
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
  append(context, act, actor, detail, Buffer.concat(hashes));
}

export function journalHead(context: AccountContext): JournalHead {
  const row = context.sql<Pick<Row, 'seq' | 'hash'>>('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1').get();
  return row ? { seq: row.seq, hash: hex(row.hash) } : { seq: 0, hash: JOURNAL_START };
}

/** Entries after `after`, oldest first. */
export function readJournal(context: AccountContext, after: number, limit: number): JournalEntry[] {
  return context
    .sql<Row>('SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?')
    .all(after, Math.min(limit, MAX_READ))
    .map(row => {
      const { seq, at, act, actor, hash } = row;
      return { seq, at, act, actor, detail: wholeDetail(row), hash: hex(hash) };
    });
}

export function appendJournal(context: AccountContext, act: string, actor: string, detail: object): void {
  context.write(() => journal(context, act, actor, detail));
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
