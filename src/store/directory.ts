/** Files of the store on disk: `accounts/<address>/` with account.key, account.db, segments/, spool/ and evidence/. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from './files.ts';
import { StoreError } from './types.ts';

const SUBDIRECTORIES = ['segments', 'spool', 'evidence'];

/** An address in its one spelling. */
export function canonicalAddress(address: string): string {
  return address.trim().normalize('NFC').toLowerCase();
}

/** File name of an address: what is not plain goes as %XX, so that no address can name another directory. */
function directoryName(address: string): string {
  const name = [...Buffer.from(address, 'utf8')]
    .map((octet, index) => {
      const character = String.fromCharCode(octet);
      const plain = /[a-z0-9@_+-]/.test(character) || (character === '.' && index > 0);
      return plain ? character : `%${octet.toString(16).padStart(2, '0')}`;
    })
    .join('');
  if (name === '' || name.length > 255) throw new StoreError('CANNOT', "L'indirizzo della casella non è valido");
  return name;
}

export function accountDirectory(dataDir: string, address: string): string {
  return join(dataDir, 'accounts', directoryName(address));
}

/** Makes an account's directories, durably, from `dataDir` down. */
export async function makeAccountDirectory(directory: string): Promise<void> {
  for (const name of SUBDIRECTORIES) await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
  for (const path of [directory, dirname(directory), dirname(dirname(directory))]) await syncDirectory(path);
}

export async function accountExists(directory: string): Promise<boolean> {
  return stat(join(directory, 'segments')).then(
    found => found.isDirectory(),
    () => false,
  );
}

/** Removes what a crash left in the spool; how many files. */
export async function clearSpool(directory: string): Promise<number> {
  const names = await readdir(join(directory, 'spool'));
  for (const name of names) await rm(join(directory, 'spool', name), { force: true });
  return names.length;
}

/** Sealed data key of an account. */
export function accountKeyFile(directory: string): string {
  return join(directory, 'account.key');
}

/** Whether anything was ever stored there. */
export async function holdsData(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => []);
  if (names.some(name => name.startsWith('account.db'))) return true;
  return (await readdir(join(directory, 'segments')).catch(() => [])).length > 0;
}

export async function accountsOnDisk(
  dataDir: string,
): Promise<{ readonly address: string; readonly directory: string }[]> {
  const addresses = await addressesOnDisk(dataDir);
  return addresses.map(address => ({ address, directory: accountDirectory(dataDir, address) }));
}

export async function addressesOnDisk(dataDir: string): Promise<string[]> {
  const names = await readdir(join(dataDir, 'accounts')).catch(error => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  const addresses: string[] = [];
  for (const name of names) {
    if (!(await accountExists(join(dataDir, 'accounts', name)))) continue;
    const address = decodeURIComponent(name);
    if (directoryName(address) === name) addresses.push(address);
  }
  return addresses.sort();
}

/** A package's directory, made durably when absent. */
export async function makeEvidenceDirectory(directory: string, packageId: string): Promise<string> {
  const path = evidencePath(directory, packageId);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await syncDirectory(join(directory, 'evidence'));
  return path;
}

export function evidencePath(directory: string, packageId: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(packageId)) {
    throw new StoreError('CANNOT', "L'identificativo del pacchetto non è valido");
  }
  return join(directory, 'evidence', packageId);
}
