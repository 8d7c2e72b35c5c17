import type { ExchangePart } from '../../pec/exchange.ts';
import type { AccountContext } from '../database/context.ts';

export interface StoredPart extends ExchangePart {
  /** Id of the message that it was read from. */
  readonly message: number;
}

/** What ties the parts of one exchange together. */
export type ExchangeKey = Pick<ExchangePart, 'sender' | 'msgid' | 'identificativo'>;

interface PartRow {
  readonly message: number;
  readonly role: ExchangePart['role'];
  readonly sender: string;
  readonly msgid: string | null;
  readonly identificativo: string | null;
  readonly trusted: number;
  readonly facts: string;
}

/** More receipts than a message of so many recipients brings were made by somebody else. */
const MAX_PARTS = 5000;

export function partOf(context: AccountContext, message: number): StoredPart | null {
  const row = context.sql<PartRow>('SELECT * FROM exchange_part WHERE message = ?').get(message);
  return row ? fromRow(row) : null;
}

/**
 * Every part of the exchange that these keys belong to, by message. A receipt without `msgid` is found by the
 * `identificativo` that a trusted one names together with it.
 */
export function partsOf(context: AccountContext, key: ExchangeKey): StoredPart[] {
  const found = new Map<number, PartRow>();
  const keys = new Set<string>();
  const add = ({ msgid, identificativo }: Pick<ExchangeKey, 'msgid' | 'identificativo'>): void => {
    if (msgid !== null) keys.add(`msgid ${msgid}`);
    if (identificativo !== null) keys.add(`identificativo ${identificativo}`);
  };
  add(key);
  // Grows while it is walked.
  for (const named of keys) {
    const column = named.slice(0, named.indexOf(' '));
    const rows = context
      .sql<PartRow>(
        // What counts first: a flood of forged receipts is not to push the genuine ones out.
        `SELECT * FROM exchange_part WHERE ${column} = ? AND sender = ?
         ORDER BY (trusted = 1 OR role = 'sent') DESC, message LIMIT ${MAX_PARTS}`,
      )
      .all(named.slice(column.length + 1), key.sender);
    for (const row of rows) {
      found.set(row.message, row);
      if (row.trusted === 1) add(row);
    }
    if (found.size > MAX_PARTS) break;
  }
  return [...found.values()].sort((a, b) => a.message - b.message).map(fromRow);
}

function fromRow({ message, role, sender, msgid, identificativo, trusted, facts }: PartRow): StoredPart {
  return { ...JSON.parse(facts), message, role, sender, msgid, identificativo, trusted: trusted === 1 };
}
