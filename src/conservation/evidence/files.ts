import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { EvidenceError } from '../errors.ts';

/** Makes the names inside a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file that is whole or absent: written aside, flushed, read back and compared, renamed, the directory flushed.
 * A file of that name is replaced.
 */
export async function writeWhole(directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(directory, `.${name}.parziale`);
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (!(await readFile(temporary)).equals(bytes)) throw new EvidenceError(`${temporary}: read back differently`);
  await rename(temporary, join(directory, name));
  await syncDirectory(directory);
}
