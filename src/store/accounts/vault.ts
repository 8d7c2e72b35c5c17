import { EventEmitter } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { type AccountStore, type Store, StoreError } from '../types.ts';
import { findMasterKey, type MasterKey, makeMasterKey, readFileOrNull, writeOnce } from './master-key.ts';
import { seal, unseal } from './seal.ts';
import type { Vault } from './types.ts';

const SETTING = 'vault';
/** A known value under the master key: a wrong key is told at the start, not at the first forgotten password. */
const CHECK = { file: 'vault.check', label: 'archivia vault check', value: 'archivia' } as const;

/**
 * Opens the vault, and makes its master key where there has never been one. Sealed passwords lie among each account's
 * settings. Throws an Error with a remedy when the key is missing or is not the one that the vault was sealed with.
 */
export async function openVault(dataDir: string, config: Config['vault'], store: Store): Promise<Vault> {
  await mkdir(dataDir, { recursive: true });
  const checkFile = join(dataDir, CHECK.file);
  const check = (await readFileOrNull(checkFile))?.toString('utf8') ?? null;
  const found = await findMasterKey(dataDir, config.keyFile);
  if (found === null && check !== null) {
    throw new Error(
      `the vault in ${dataDir} was sealed with a master key that is no longer there: restore master.key, or give ` +
        `vault.keyFile or ARCHIVIA_MASTER_KEY; to start anew without the stored passwords remove ${checkFile}`,
    );
  }
  const master = found ?? (await makeMasterKey(dataDir));
  if (check === null) await writeOnce(checkFile, `${seal(master.key, CHECK.label, CHECK.value)}\n`);
  await verify(master, checkFile);
  return new SealedVault(master.key, store);
}

async function verify(master: MasterKey, checkFile: string): Promise<void> {
  const sealed = (await readFileOrNull(checkFile))?.toString('utf8').trim() ?? '';
  if (unseal(master.key, CHECK.label, sealed) === CHECK.value) return;
  throw new Error(
    `the master key in ${master.source} is not the one that the vault was sealed with; to start anew without the ` +
      `stored passwords remove ${checkFile}`,
  );
}

class SealedVault implements Vault {
  readonly #key: Buffer;
  readonly #store: Store;
  readonly #events = new EventEmitter<{ remembered: [address: string] }>().setMaxListeners(0);

  constructor(key: Buffer, store: Store) {
    this.#key = key;
    this.#store = store;
  }

  async remember(address: string, password: string): Promise<void> {
    const name = address.toLowerCase();
    const account = await this.#store.account(name, { create: true });
    // Clients log in often and the password seldom changes: no write, no new ciphertext.
    if ((await this.#unsealed(account, name)) !== password) {
      await account.setSetting(SETTING, seal(this.#key, name, password));
    }
    this.#events.emit('remembered', name);
  }

  async recall(address: string): Promise<string | null> {
    const name = address.toLowerCase();
    const account = await this.#existing(name);
    return account === null ? null : this.#unsealed(account, name);
  }

  async forget(address: string): Promise<void> {
    await (await this.#existing(address.toLowerCase()))?.setSetting(SETTING, null);
  }

  onRemembered(listener: (address: string) => void): () => void {
    this.#events.on('remembered', listener);
    return () => void this.#events.off('remembered', listener);
  }

  async #unsealed(account: AccountStore, address: string): Promise<string | null> {
    const sealed = await account.setting<string>(SETTING);
    return sealed === null ? null : unseal(this.#key, address, sealed);
  }

  async #existing(address: string): Promise<AccountStore | null> {
    try {
      return await this.#store.account(address);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NONEXISTENT') return null;
      throw error;
    }
  }
}
