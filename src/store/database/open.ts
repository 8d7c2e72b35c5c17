import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../types.ts';
import { SCHEMA, SCHEMA_VERSION, TEMPORARY } from './schema.ts';

const TREES = ['archive', 'conservation', 'intake'];

/**
 * Opens an account's database, making it when it is new. One process has it to itself: a second one is told
 * UNAVAILABLE. Every commit is on disk when it returns (WAL with synchronous=FULL).
 */
export function openDatabase(directory: string): Database.Database {
  const path = join(directory, 'account.db');
  if (!existsSync(path) && readdirSync(join(directory, 'segments')).length > 0) {
    throw new StoreError('CORRUPTION', 'Manca il database di un archivio che contiene messaggi: va ricostruito');
  }
  const db = new Database(path, { timeout: 2000 });
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('temp_store = MEMORY');
    db.pragma('cache_size = -8000');
    // What a process left in the log goes into the database, flushed, before anything is acknowledged on top of it.
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.exec('BEGIN IMMEDIATE');
    migrate(db);
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Database.Database): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > SCHEMA_VERSION) {
    throw new StoreError('UNAVAILABLE', "L'archivio è stato scritto da una versione più recente di Archivia");
  }
  if (version === 0) {
    db.exec(SCHEMA);
    for (const kind of TREES) {
      db.prepare("INSERT INTO tree (kind, name, uidvalidity) VALUES (?, '', ?)").run(kind, nextUidValidity(db));
    }
    db.prepare(
      `INSERT INTO leaf (tree, year, month, category, special)
       SELECT id, 0, 0, '', '' FROM tree WHERE kind = 'intake'
       UNION ALL SELECT id, 0, 0, '', 'reports' FROM tree WHERE kind = 'conservation'
       UNION ALL SELECT id, 0, 0, '', 'distribution' FROM tree WHERE kind = 'conservation'`,
    ).run();
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }
  db.exec(TEMPORARY);
}

/** Nonzero, 32 bits, larger than any before: the clock, unless that has gone back (RFC 3501 section 2.3.1.1). */
export function nextUidValidity(db: Database.Database): number {
  const row = db
    .prepare<[number], { last: number }>('UPDATE uidvalidity SET last = max(last + 1, ?) RETURNING last')
    .get(Math.floor(Date.now() / 1000));
  return row?.last ?? 1;
}
