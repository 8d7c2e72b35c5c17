import type Database from 'better-sqlite3-multiple-ciphers';
import { KIND_LEDGER, pack } from '../segment/format.ts';
import type { Segments } from '../segment/segments.ts';
import { step } from '../steps.ts';
import type { LedgerHead } from './head.ts';
import { encodeLedger, type TableRows, toCell } from './record.ts';
import { LEDGERED, UNKEPT_SETTING } from './tables.ts';

/** The last record of the ledger, as the database knows it. */
export interface LedgerState {
  readonly seq: number;
  readonly sha256: Uint8Array;
  readonly segment: number;
  readonly offset: number;
  readonly scheme: number;
  readonly length: number;
  readonly stored: number;
  /** The history of UIDs was lost: each tree must get a new UIDVALIDITY before anybody sees it. */
  readonly renumber: number;
}

/** Rows of one record: bounds the memory that reading it takes. */
const RECORD_ROWS = 2000;

/**
 * Writes down, in the segments, which rows each transaction leaves behind: flags, UIDs, places in trees, everything that
 * the messages' own octets do not tell. Triggers note the rows that change; `flush` writes them before the commit, so
 * that the segments never know less than the database.
 */
export class Ledger {
  readonly #db: Database.Database;
  readonly #segments: Segments;
  readonly #head: LedgerHead;
  readonly #statements = new Map<string, Database.Statement<unknown[], unknown[]>>();
  readonly #columns = new Map<string, string[]>();
  #written: number | null = null;

  constructor(db: Database.Database, segments: Segments, head: LedgerHead) {
    this.#db = db;
    this.#segments = segments;
    this.#head = head;
    db.exec('CREATE TEMP TABLE ledger_dirty (name TEXT, key TEXT, PRIMARY KEY (name, key)) WITHOUT ROWID');
    for (const [name, key] of LEDGERED) db.exec(triggers(name, key));
  }

  /** Before the commit: rows that this transaction changed go into the segments, flushed. */
  flush(): void {
    const changed = this.#db
      .prepare<[], { name: string; key: string }>('SELECT name, key FROM temp.ledger_dirty')
      .all();
    if (changed.length === 0) return;
    const keys = new Map<string, unknown[][]>();
    for (const { name, key } of changed) {
      const known = keys.get(name);
      if (known) known.push(JSON.parse(key));
      else keys.set(name, [JSON.parse(key)]);
    }
    this.#write(this.#changes(keys), false);
    this.#db.exec('DELETE FROM temp.ledger_dirty');
  }

  /** Inside a transaction: writes down everything there is, so that nothing before it is needed any more. */
  snapshot(): void {
    this.#write(this.#everything(), true);
    this.#db.exec('DELETE FROM temp.ledger_dirty');
  }

  /** Records have been flushed, and it is not known yet whether their transaction is committed. */
  get pending(): boolean {
    return this.#written !== null;
  }

  committed(): void {
    if (this.#written === null) return;
    this.#head.write(this.#written);
    this.#written = null;
    step('committed');
  }

  #write(parts: Iterable<TableRows>, snapshot: boolean): void {
    let state = this.#db.prepare<[], LedgerState>('SELECT * FROM ledger').get();
    let group: TableRows[] = [];
    let rows = 0;
    let first = true;
    const write = (last: boolean): void => {
      const packed = pack(
        encodeLedger({
          seq: (state?.seq ?? 0) + 1,
          previous: state ? Buffer.from(state.sha256).toString('hex') : '',
          at: Date.now(),
          last,
          snapshot: snapshot && first,
          tables: group,
        }),
      );
      const [place] = this.#segments.append([{ kind: KIND_LEDGER, packed }]);
      if (!place) throw new Error('the ledger was not written');
      const { sha256, scheme, length } = packed;
      state = { seq: (state?.seq ?? 0) + 1, sha256, scheme, length, ...place, renumber: 0 };
      group = [];
      rows = 0;
      first = false;
    };
    for (const part of parts) {
      if (rows > 0 && rows + part.rows.length + part.removed.length > RECORD_ROWS) write(false);
      group.push(part);
      rows += part.rows.length + part.removed.length;
    }
    write(true);
    this.#segments.sync();
    if (!state) return;
    saveLedgerState(this.#db, state);
    const { number, length } = this.#segments.position;
    this.#db
      .prepare(
        'INSERT INTO segment (number, length) VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET length = excluded.length',
      )
      .run(number, length);
    this.#written = state.seq;
    step('ready to commit');
  }

  *#changes(keys: ReadonlyMap<string, readonly unknown[][]>): Generator<TableRows> {
    for (const [name, identity] of LEDGERED) {
      const changed = keys.get(name) ?? [];
      const columns = this.#columnsOf(name, identity);
      const where = identity.map(column => `${column} = ?`).join(' AND ');
      for (let at = 0; at < changed.length; at += RECORD_ROWS) {
        const rows: ReturnType<typeof toCell>[][] = [];
        const removed: ReturnType<typeof toCell>[][] = [];
        for (const key of changed.slice(at, at + RECORD_ROWS)) {
          const row = this.#sql(`SELECT ${columns.join(', ')} FROM ${name} WHERE ${where}`).get(...key);
          if (row) rows.push(row.map(toCell));
          else removed.push(key.map(toCell));
        }
        yield { name, columns, rows, removed };
      }
    }
  }

  *#everything(): Generator<TableRows> {
    for (const [name, identity] of LEDGERED) {
      const columns = this.#columnsOf(name, identity);
      const order = identity.join(', ');
      const condition = name === 'setting' ? `key <> '${UNKEPT_SETTING}'` : '1';
      let rows: ReturnType<typeof toCell>[][] = [];
      const all = this.#db
        .prepare<[], unknown[]>(`SELECT ${columns.join(', ')} FROM ${name} WHERE ${condition} ORDER BY ${order}`)
        .raw();
      for (const row of all.iterate()) {
        rows.push(row.map(toCell));
        if (rows.length < RECORD_ROWS) continue;
        yield { name, columns, rows, removed: [] };
        rows = [];
      }
      if (rows.length > 0) yield { name, columns, rows, removed: [] };
    }
  }

  #columnsOf(name: string, identity: readonly string[]): string[] {
    let columns = this.#columns.get(name);
    if (!columns) {
      columns = this.#db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(name);
      if (identity[0] === 'rowid') columns.unshift('rowid');
      this.#columns.set(name, columns);
    }
    return columns;
  }

  #sql(source: string): Database.Statement<unknown[], unknown[]> {
    let statement = this.#statements.get(source);
    if (!statement) {
      statement = this.#db.prepare<unknown[], unknown[]>(source).raw();
      this.#statements.set(source, statement);
    }
    return statement;
  }
}

export function saveLedgerState(db: Database.Database, state: LedgerState): void {
  db.prepare(
    `INSERT INTO ledger (id, seq, sha256, segment, offset, scheme, length, stored, renumber)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, sha256 = excluded.sha256, segment = excluded.segment,
       offset = excluded.offset, scheme = excluded.scheme, length = excluded.length, stored = excluded.stored,
       renumber = excluded.renumber`,
  ).run(state.seq, state.sha256, state.segment, state.offset, state.scheme, state.length, state.stored, state.renumber);
}

function triggers(name: string, key: readonly string[]): string {
  const note = (row: 'old' | 'new'): string =>
    `INSERT INTO ledger_dirty (name, key)
     VALUES ('${name}', json_array(${key.map(column => `${row}.${column}`).join(', ')})) ON CONFLICT DO NOTHING;`;
  const when = (row: 'old' | 'new'): string => (name === 'setting' ? `WHEN ${row}.key <> '${UNKEPT_SETTING}'` : '');
  return `
    CREATE TEMP TRIGGER ledger_${name}_insert AFTER INSERT ON main.${name} ${when('new')} BEGIN ${note('new')} END;
    CREATE TEMP TRIGGER ledger_${name}_update AFTER UPDATE ON main.${name} ${when('new')}
      BEGIN ${note('old')} ${note('new')} END;
    CREATE TEMP TRIGGER ledger_${name}_delete AFTER DELETE ON main.${name} ${when('old')} BEGIN ${note('old')} END;`;
}
