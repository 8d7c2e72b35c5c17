import type Database from 'better-sqlite3-multiple-ciphers';
import type { Location, RecordCipher } from '../crypto/record-cipher.ts';
import { readLedger } from './read.ts';
import { fromCell, type LedgerRecord, type TableRows } from './record.ts';
import { LEDGERED } from './tables.ts';

/** Records applied in one transaction of the database that is being made. */
const RUN = 500;

/**
 * Applies the ledger's records from `start` to the one with number `last` to a new database, whose triggers are out of
 * the way: rows become what each transaction left behind.
 */
export function replayLedger(
  db: Database.Database,
  directory: string,
  cipher: RecordCipher,
  { start, last }: { readonly start: Location | null; readonly last: number },
): number {
  const apply = new Replay(db);
  let applied = 0;
  db.exec('BEGIN');
  for (const found of readLedger(directory, cipher, start ?? undefined)) {
    if (found.kind === 'damage') continue;
    apply.record(found.record);
    applied += 1;
    if (applied % RUN === 0) db.exec('COMMIT; BEGIN');
    if (found.record.seq === last) break;
  }
  db.exec('COMMIT');
  return applied;
}

class Replay {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();
  readonly #columns = new Map<string, ReadonlySet<string>>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  record(record: LedgerRecord): void {
    if (record.snapshot) for (const name of LEDGERED.keys()) this.#db.exec(`DELETE FROM ${name}`);
    for (const table of record.tables) {
      const key = LEDGERED.get(table.name);
      if (key) this.#rows(table, key);
    }
  }

  #rows({ name, columns, rows, removed }: TableRows, key: readonly string[]): void {
    const known = this.#columnsOf(name);
    // A column that the schema has no more is left out.
    const kept = columns.map((column, index) => ({ column, index })).filter(({ column }) => known.has(column));
    const put = `INSERT OR REPLACE INTO ${name} (${kept.map(({ column }) => column).join(', ')})
      VALUES (${kept.map(() => '?').join(', ')})`;
    for (const row of rows) this.#sql(put).run(...kept.map(({ index }) => fromCell(row[index] ?? null)));
    const remove = `DELETE FROM ${name} WHERE ${key.map(column => `${column} = ?`).join(' AND ')}`;
    for (const row of removed) this.#sql(remove).run(...row.map(fromCell));
  }

  #columnsOf(name: string): ReadonlySet<string> {
    let columns = this.#columns.get(name);
    if (!columns) {
      const names = this.#db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(name);
      columns = new Set([...names, 'rowid']);
      this.#columns.set(name, columns);
    }
    return columns;
  }

  #sql(source: string): Database.Statement<unknown[]> {
    let statement = this.#statements.get(source);
    if (!statement) {
      statement = this.#db.prepare(source);
      this.#statements.set(source, statement);
    }
    return statement;
  }
}
