import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3-multiple-ciphers';
import { PAGE_CACHE_BYTES } from '../limits.ts';
import { step } from '../steps.ts';
import { StoreError } from '../types.ts';
import { SCHEMA, SCHEMA_VERSION, TEMPORARY } from './schema.ts';

const TREES = ['archive', 'conservation', 'intake', 'watch'];
/** Authenticated encryption of each page (AEGIS-256): a changed page is told as damage, not read. */
const CIPHER = 'aegis';
/** Measured: makes up for what encryption costs, in time and in space. */
const PAGE_BYTES = 16_384;

export function databasePath(directory: string): string {
  return join(directory, 'account.db');
}

/**
 * Opens an account's database, making it when it is new. One process has it to itself: a second one is told
 * UNAVAILABLE. Every commit is on disk when it returns (WAL with synchronous=FULL).
 */
export function openDatabase(directory: string, key: Uint8Array, shared = false): Database.Database {
  const path = databasePath(directory);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0 && readdirSync(join(directory, 'segments')).length > 0) {
    throw new StoreError(
      'CORRUPTION',
      'Manca il database di un archivio che contiene messaggi: va ricostruito (archivia rebuild)',
    );
  }
  return openDatabaseFile(path, key, shared);
}

/**
 * @param path of the file, which is made when it is not there
 * @param shared other threads of this process open it as well
 */
export function openDatabaseFile(path: string, key: Uint8Array, shared = false): Database.Database {
  const db = new Database(path, { timeout: 2000 });
  try {
    unlock(db, key);
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma(`locking_mode = ${shared ? 'NORMAL' : 'EXCLUSIVE'}`);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('temp_store = MEMORY');
    db.pragma(`cache_size = -${PAGE_CACHE_BYTES / 1024}`);
    // What a process left in the log goes into the database, flushed, before anything is acknowledged on top of it.
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.exec('BEGIN IMMEDIATE');
    migrate(db);
    db.exec('COMMIT');
    step('database opened');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** One more connection to a database that this process has opened to be shared; for who only looks. */
export function openDatabaseBeside(directory: string, key: Uint8Array): Database.Database {
  const db = new Database(databasePath(directory), { fileMustExist: true });
  try {
    unlock(db, key);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function unlock(db: Database.Database, key: Uint8Array): void {
  db.pragma(`cipher = '${CIPHER}'`);
  db.pragma(`key = 'raw:${Buffer.from(key).toString('hex')}'`);
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
       UNION ALL SELECT id, 0, 0, '', 'distribution' FROM tree WHERE kind = 'conservation'
       UNION ALL SELECT id, 0, 0, '', 'pending' FROM tree WHERE kind = 'watch'
       UNION ALL SELECT id, 0, 0, '', 'undelivered' FROM tree WHERE kind = 'watch'
       UNION ALL SELECT id, 0, 0, '', 'expiring' FROM tree WHERE kind = 'watch'`,
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
