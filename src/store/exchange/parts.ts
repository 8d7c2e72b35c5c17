import type { ExchangePart } from '../../pec/exchange.ts';
import type { AccountContext } from '../database/context.ts';
import { framesOf } from '../structure/compact.ts';
import { expandAllFacts, type Facts } from '../structure/facts.ts';
import { readPart } from './facts.ts';

export interface StoredPart extends ExchangePart {
  /** Id of the message that it was read from. */
  readonly message: number;
}

/** A row of `exchange_part`: short hashes stand for texts. */
export interface PartRow {
  readonly message: number;
  readonly role: ExchangePart['role'];
  readonly sender: number;
  readonly msgid: number | null;
  readonly identificativo: number | null;
  readonly trusted: number;
}

/** More receipts than a message of so many recipients brings were made by somebody else. */
const MAX_PARTS = 5000;
/** Messages whose facts are expanded together. */
const RUN = 100;
/** What ties the parts of one exchange together. */
const KEYS = ['msgid', 'identificativo'] as const;

export function partRow(context: AccountContext, message: number): PartRow | null {
  return context.sql<PartRow>('SELECT * FROM exchange_part WHERE message = ?').get(message) ?? null;
}

/**
 * Every row of the exchange that one belongs to, itself included. A receipt without `msgid` is found by the
 * `identificativo` that a trusted one names together with it.
 */
export function rowsOf(context: AccountContext, one: PartRow): PartRow[] {
  const found = new Map([[one.message, one]]);
  const looked = { msgid: new Set<number>(), identificativo: new Set<number>() };
  const waiting = [one];
  for (let from = waiting.pop(); from && found.size <= MAX_PARTS; from = waiting.pop()) {
    for (const key of KEYS) {
      const value = from[key];
      if (value === null || looked[key].has(value)) continue;
      looked[key].add(value);
      const rows = context
        .sql<PartRow>(
          // What counts first: a flood of forged receipts is not to push the genuine ones out.
          `SELECT * FROM exchange_part WHERE ${key} = ? AND sender = ?
           ORDER BY (trusted = 1 OR role = 'sent') DESC, message LIMIT ${MAX_PARTS}`,
        )
        .all(value, one.sender);
      for (const row of rows) found.set(row.message, row);
      waiting.push(...rows.filter(({ trusted }) => trusted === 1));
    }
  }
  return [...found.values()];
}

/** The parts of one's exchange, by message, of the rows of it. */
export function partsOf(context: AccountContext, one: PartRow, rows: readonly PartRow[]): StoredPart[] {
  const parts = read(context, rows).sort((a, b) => a.message - b.message);
  const own = parts.find(({ message }) => message === one.message);
  return own ? joined(own, parts) : [];
}

/** One and those that are tied to it: texts decide, since two may have one hash. */
function joined(one: StoredPart, parts: readonly StoredPart[]): StoredPart[] {
  const known = { msgid: new Set([one.msgid]), identificativo: new Set([one.identificativo]) };
  const tied = new Set([one]);
  for (let before = 0; before < tied.size; ) {
    before = tied.size;
    for (const part of parts) {
      const named = KEYS.some(key => part[key] !== null && known[key].has(part[key]));
      if (tied.has(part) || !named || part.sender !== one.sender) continue;
      tied.add(part);
      if (part.trusted) for (const key of KEYS) known[key].add(part[key]);
    }
  }
  return parts.filter(part => tied.has(part));
}

/** The parts as the messages' facts tell them; whether they are trusted was found when the messages came. */
function read(context: AccountContext, rows: readonly PartRow[]): StoredPart[] {
  const trusted = new Map(rows.map(row => [row.message, row.trusted === 1]));
  const messages = [...trusted.keys()];
  const parts: StoredPart[] = [];
  for (let at = 0; at < messages.length; at += RUN) {
    for (const { message, facts, internalDate } of readFacts(context, messages.slice(at, at + RUN))) {
      const part = readPart(facts, null, internalDate);
      if (part) parts.push({ ...part, message, trusted: trusted.get(message) ?? false });
    }
  }
  return parts;
}

interface KnownFacts {
  readonly message: number;
  readonly internalDate: number;
  readonly facts: Facts;
}

function readFacts(context: AccountContext, messages: readonly number[]): KnownFacts[] {
  const row = context
    .sql<{ ids: string; dates: string; packed: Uint8Array | null }>(
      `SELECT json_group_array(m.id) AS ids, json_group_array(m.internal_date) AS dates, ${framesOf('s.facts')} AS packed
       FROM structure s JOIN message m ON m.id = s.message WHERE s.message IN (SELECT value FROM json_each(?))`,
    )
    .get(JSON.stringify(messages));
  if (!row?.packed) return [];
  const ids: number[] = JSON.parse(row.ids);
  const dates: number[] = JSON.parse(row.dates);
  return expandAllFacts(row.packed, ids.length).map((facts, index) => ({
    message: ids[index] ?? 0,
    internalDate: dates[index] ?? 0,
    facts,
  }));
}
