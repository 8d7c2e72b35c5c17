/** What tests of maintenance need to see of an account from below the store's interface. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3-multiple-ciphers';
import { deriveAccountKeys } from '../../src/store/crypto/account-keys.ts';
import { openKeyring } from '../../src/store/crypto/keyring.ts';
import { databasePath, openDatabaseFile } from '../../src/store/database/open.ts';
import { accountDirectory } from '../../src/store/directory.ts';
import { Preparing } from '../../src/store/ingest/preparing.ts';
import { LEDGERED } from '../../src/store/ledger/tables.ts';
import { type RebuildOptions, type Rebuilt, rebuildAccount } from '../../src/store/maintenance/rebuild.ts';
import { ADDRESS } from './support.ts';

export async function dataKeyOf(dataDir: string): Promise<Uint8Array> {
  return (await openKeyring(dataDir)).accountKey(accountDirectory(dataDir, ADDRESS), ADDRESS);
}

/** The database of the one account, while no store has it open. */
export async function withDatabase<T>(dataDir: string, work: (db: Database.Database) => T): Promise<T> {
  const keys = deriveAccountKeys(await dataKeyOf(dataDir));
  const db = openDatabaseFile(databasePath(accountDirectory(dataDir, ADDRESS)), keys.database);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

export async function rebuild(dataDir: string, options: Partial<RebuildOptions> = {}): Promise<Rebuilt> {
  const preparing = new Preparing(1, null);
  try {
    return await rebuildAccount({
      address: ADDRESS,
      directory: accountDirectory(dataDir, ADDRESS),
      dataKey: await dataKeyOf(dataDir),
      preparing,
      renumber: false,
      force: false,
      ...options,
    });
  } finally {
    await preparing.close();
  }
}

export function segmentFiles(dataDir: string): string[] {
  const directory = join(accountDirectory(dataDir, ADDRESS), 'segments');
  return readdirSync(directory)
    .sort()
    .map(name => join(directory, name));
}

const DERIVED_ROWS = ['structure', 'header', 'sorting', 'text', 'unreadable', 'exchange_part'];

/** Every row of every table, in an order of its own. */
export function dump(db: Database.Database, leaveOut: readonly string[] = []): Record<string, unknown[]> {
  const rows: Record<string, unknown[]> = {};
  for (const name of [...LEDGERED.keys(), 'segment', 'ledger', ...DERIVED_ROWS]) {
    if (leaveOut.includes(name)) continue;
    rows[name] = db
      .prepare(`SELECT * FROM ${name}`)
      .all()
      .map(row => JSON.stringify(row))
      .sort();
  }
  return rows;
}
