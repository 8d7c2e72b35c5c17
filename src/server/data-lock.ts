import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3-multiple-ciphers';
import { StartError } from './errors.ts';

/**
 * Takes the data directory for this process, and makes it where there is none: two servers on the same data would clear
 * away each other's work under way. An SQLite file's lock is used because it ends with the process, however that ends,
 * and holds between containers. Rejects with a StartError when another process has it.
 *
 * @returns releases the directory
 */
export async function lockDataDirectory(dataDir: string): Promise<() => void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const database = new Database(join(dataDir, 'lock'), { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      throw error;
    }
    return () => database.close();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('SQLITE_BUSY')) {
      throw new StartError(`dataDir ${dataDir} is in use by another archivia; stop that one first`);
    }
    throw new StartError(
      `dataDir ${dataDir} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
