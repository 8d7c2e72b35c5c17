import type { LoadedConfig } from '../config/load.ts';
import type { Keyring } from '../store/crypto/keyring.ts';
import { CliError, WRONG_USE } from './command.ts';

/** An account whose store no thread has open. */
export interface StoredAccount {
  readonly address: string;
  readonly directory: string;
}

/** The accounts to work on: the one asked for, or every one on disk. */
export async function chooseAccounts(loaded: LoadedConfig, address: string | undefined): Promise<StoredAccount[]> {
  const { accountsOnDisk } = await import('../store/directory.ts');
  const accounts = await accountsOnDisk(loaded.config.dataDir);
  const wanted = address?.toLowerCase();
  if (wanted !== undefined && !accounts.some(account => account.address === wanted)) {
    throw new CliError(WRONG_USE, `no account ${wanted} is stored here`);
  }
  return accounts.filter(account => wanted === undefined || account.address === wanted);
}

/** The account's data key, or why it cannot be had. */
export async function dataKeyOf(keyring: Keyring, { directory, address }: StoredAccount): Promise<Uint8Array | string> {
  try {
    return await keyring.accountKey(directory, address);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
