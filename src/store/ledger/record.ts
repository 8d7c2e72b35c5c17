/**
 * What a ledger record says: rows as they are after a transaction, and rows that it removed. One transaction is one
 * record, or several in a row of which the last one says so. Each names the digest of the one before it.
 */

/** A value of a column; octets in base64. */
type Cell = string | number | null | { readonly octets: string };

export interface LedgerRecord {
  /** Counts records from 1 on, without holes. */
  readonly seq: number;
  /** Hex SHA-256 of the content of record `seq - 1`; empty for the first one. */
  readonly previous: string;
  /** When, milliseconds since the epoch. */
  readonly at: number;
  /** The transaction ends with this record. */
  readonly last: boolean;
  /** Everything there is follows, to the end of the transaction: what came before does not count any more. */
  readonly snapshot: boolean;
  readonly tables: readonly TableRows[];
}

export interface TableRows {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Keys of removed rows. */
  readonly removed: readonly (readonly Cell[])[];
}

export function encodeLedger(record: LedgerRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record), 'utf8');
}

/** null when it is none. */
export function decodeLedger(content: Uint8Array): LedgerRecord | null {
  try {
    const record = JSON.parse(Buffer.from(content.buffer, content.byteOffset, content.length).toString('utf8'));
    return typeof record.seq === 'number' && Array.isArray(record.tables) ? record : null;
  } catch {
    return null;
  }
}

export function toCell(value: unknown): Cell {
  if (value instanceof Uint8Array) return { octets: Buffer.from(value).toString('base64') };
  if (typeof value === 'string' || typeof value === 'number') return value;
  return null;
}

export function fromCell(cell: Cell): string | number | null | Uint8Array {
  return typeof cell === 'object' && cell !== null ? Buffer.from(cell.octets, 'base64') : cell;
}
