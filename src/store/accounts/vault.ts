import { EventEmitter } from 'node:events';
import type { Config } from '../../config/schema.ts';
import { type Keyring, openKeyring } from '../crypto/keyring.ts';
import { UNKEPT_SETTING } from '../ledger/tables.ts';
import { type AccountStore, type Store, StoreError } from '../types.ts';
import { PASSWORD_SINCE } from './password-expiry.ts';
import { seal, unseal } from './seal.ts';
import type { Vault } from './types.ts';

/**
 * Opens the vault with the data directory's keyring. Sealed passwords lie among each account's settings. Throws an Error
 * with a remedy when the master key is missing or is not the one that the vault was sealed with.
 */
export async function openVault(
  dataDir: string,
  config: Config['vault'],
  store: Store,
  keyring?: Keyring,
): Promise<Vault> {
  const { vaultKey } = keyring ?? (await openKeyring(dataDir, config));
  return new SealedVault(Buffer.from(vaultKey), store);
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
      await account.setSetting(UNKEPT_SETTING, seal(this.#key, name, password));
      await account.setSetting(PASSWORD_SINCE, Date.now());
    }
    this.#events.emit('remembered', name);
  }

  async recall(address: string): Promise<string | null> {
    const name = address.toLowerCase();
    const account = await this.#existing(name);
    return account === null ? null : this.#unsealed(account, name);
  }

  async forget(address: string): Promise<void> {
    await (await this.#existing(address.toLowerCase()))?.setSetting(UNKEPT_SETTING, null);
  }

  onRemembered(listener: (address: string) => void): () => void {
    this.#events.on('remembered', listener);
    return () => void this.#events.off('remembered', listener);
  }

  async #unsealed(account: AccountStore, address: string): Promise<string | null> {
    const sealed = await account.setting<string>(UNKEPT_SETTING);
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
