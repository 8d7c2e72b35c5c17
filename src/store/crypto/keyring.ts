import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findMasterKey, type KeySource, type MasterKey, makeMasterKey } from '../accounts/master-key.ts';
import { accountKeyFile, accountsOnDisk, holdsData } from '../directory.ts';
import { readFileOrNull } from '../files.ts';
import { StoreError } from '../types.ts';
import { makeKey, readKey } from './key-file.ts';

/** Key that seals the passwords kept in the vault. */
const VAULT_LABEL = 'archivia vault key';

/** The keys of one data directory, opened with its master key. */
export interface Keyring {
  readonly master: MasterKey;
  readonly vaultKey: Uint8Array;
  /** The account's data key, made when the account is new. Rejects with a StoreError. */
  accountKey(directory: string, address: string): Promise<Uint8Array>;
}

export function vaultKeyFile(dataDir: string): string {
  return join(dataDir, 'vault.key');
}

function accountLabel(address: string): string {
  return `archivia account key ${address}`;
}

/** Files under `dataDir` that hold keys sealed under the master key, with the label of each. */
export async function keyFiles(dataDir: string): Promise<{ readonly path: string; readonly label: string }[]> {
  const accounts = await accountsOnDisk(dataDir);
  return [
    ...accounts.map(({ address, directory }) => ({ path: accountKeyFile(directory), label: accountLabel(address) })),
    { path: vaultKeyFile(dataDir), label: VAULT_LABEL },
  ];
}

/**
 * Opens the keyring, and makes its master key where nothing has ever been stored. Throws an Error that names the key's
 * source when the key is missing or is not the one that the data was sealed with.
 * @param masterDir where `master.key` lies, when nothing else is configured
 */
export async function openKeyring(
  dataDir: string,
  source: KeySource = {},
  masterDir: string = dataDir,
): Promise<Keyring> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const sealed = await sealedFiles(dataDir);
  const found = await findMasterKey(masterDir, source);
  if (found === null && (sealed.length > 0 || (await anyData(dataDir)))) {
    throw new Error(
      `what is stored in ${dataDir} was encrypted with a master key that is no longer there: restore master.key, or ` +
        'give vault.keyFile, vault.keyCommand or ARCHIVIA_MASTER_KEY',
    );
  }
  const master = found ?? (await makeMasterKey(dataDir));
  for (const { path, label } of sealed) {
    try {
      await readKey(path, label, master.key);
    } catch (error) {
      throw new Error(
        `the master key in ${master.source} is not the one that the data in ${dataDir} was encrypted with ` +
          `(${error instanceof Error ? error.message : String(error)})`,
      );
    }
    // One that opens is proof enough; the others are opened with their accounts.
    break;
  }
  const vault = vaultKeyFile(dataDir);
  const vaultKey = (await readKey(vault, VAULT_LABEL, master.key)) ?? (await makeKey(vault, VAULT_LABEL, master.key));
  return {
    master,
    vaultKey,
    accountKey: (directory, address) => accountKey(directory, address, master),
  };
}

async function accountKey(directory: string, address: string, master: MasterKey): Promise<Uint8Array> {
  const path = accountKeyFile(directory);
  const failure = (text: string, cause: unknown): StoreError => {
    const error = new StoreError('UNAVAILABLE', text);
    error.cause = cause;
    return error;
  };
  try {
    const key = await readKey(path, accountLabel(address), master.key);
    if (key !== null) return key;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(`La chiave dell'archivio non si apre con ${master.source}: ${reason}`, error);
  }
  // A new key would not open what is there, and what comes next would hide that.
  if (await holdsData(directory)) throw failure(`Manca la chiave dell'archivio: ${path}`, 'missing account key');
  return makeKey(path, accountLabel(address), master.key);
}

async function anyData(dataDir: string): Promise<boolean> {
  for (const { directory } of await accountsOnDisk(dataDir)) if (await holdsData(directory)) return true;
  return false;
}

/** Key files that exist, the vault's first. */
async function sealedFiles(dataDir: string): Promise<{ readonly path: string; readonly label: string }[]> {
  const names = await readdir(dataDir).catch(() => []);
  if (names.length === 0) return [];
  const present: { readonly path: string; readonly label: string }[] = [];
  for (const file of (await keyFiles(dataDir)).reverse()) {
    if ((await readFileOrNull(file.path)) !== null) present.push(file);
  }
  return present;
}
