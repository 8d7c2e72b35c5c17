import type { Logger } from 'pino';
import type { LoadedConfig } from '../config/load.ts';
import type { AccountDirectory } from '../store/accounts/types.ts';
import type { Keyring } from '../store/crypto/keyring.ts';
import type { AccountStore, Store } from '../store/types.ts';
import { CliError, FAULT, WRONG_USE } from './command.ts';

/** A configured installation opened by a command, while no server runs on it. */
export interface Installation {
  readonly loaded: LoadedConfig;
  readonly store: Store;
  readonly directory: AccountDirectory;
  readonly logger: Logger;
}

/** A data directory that no server runs on, with its keys. */
export interface Premises {
  readonly loaded: LoadedConfig;
  readonly keyring: Keyring;
  readonly logger: Logger;
}

/** Takes the data directory, runs `work` and lets it go. Logs go to stderr. */
export async function withPremises<T>(file: string, work: (premises: Premises) => Promise<T>): Promise<T> {
  const [{ loadConfig }, { createLogger }, { lockDataDirectory }, { openKeyring }] = await Promise.all([
    import('../config/load.ts'),
    import('../server/logger.ts'),
    import('../server/data-lock.ts'),
    import('../store/crypto/keyring.ts'),
  ]);
  const loaded = await loadConfig(file);
  const logger = createLogger(loaded.config.log.level === 'info' ? 'warn' : loaded.config.log.level, 'stderr');
  const release = await lockDataDirectory(loaded.config.dataDir);
  try {
    const keyring = await openKeyring(loaded.config.dataDir, loaded.config.vault).catch((error: Error) => {
      throw new CliError(FAULT, error.message);
    });
    return await work({ loaded, keyring, logger });
  } finally {
    release();
  }
}

/** Opens the installation, runs `work` and closes everything, whatever happens. Logs go to stderr. */
export async function withInstallation<T>(file: string, work: (installation: Installation) => Promise<T>): Promise<T> {
  const [{ openStore }, { createAccountDirectory }] = await Promise.all([
    import('../store/index.ts'),
    import('../store/accounts/directory.ts'),
  ]);
  return withPremises(file, async ({ loaded, keyring, logger }) => {
    // Reading attachments is for the server.
    const store = await openStore(loaded.config.dataDir, { keyring, readAttachments: false });
    try {
      const directory = createAccountDirectory(loaded.config, store, loaded.upstreams);
      return await work({ loaded, store, directory, logger });
    } finally {
      await store.close();
    }
  });
}

/** The stores to work on: the one asked for, or every one on disk. */
export async function chooseStores(store: Store, address: string | undefined): Promise<AccountStore[]> {
  const addresses = await store.addresses();
  const wanted = address?.toLowerCase();
  if (wanted !== undefined && !addresses.includes(wanted)) {
    throw new CliError(WRONG_USE, `no account ${wanted} is stored here`);
  }
  return Promise.all(
    addresses.filter(name => wanted === undefined || name === wanted).map(name => store.account(name)),
  );
}
