import type { Logger } from 'pino';
import type { LoadedConfig } from '../config/load.ts';
import type { AccountDirectory } from '../store/accounts/types.ts';
import type { AccountStore, Store } from '../store/types.ts';
import { CliError, WRONG_USE } from './command.ts';

/** A configured installation opened by a command, while no server runs on it. */
export interface Installation {
  readonly loaded: LoadedConfig;
  readonly store: Store;
  readonly directory: AccountDirectory;
  readonly logger: Logger;
}

/** Opens the installation, runs `work` and closes everything, whatever happens. Logs go to stderr. */
export async function withInstallation<T>(file: string, work: (installation: Installation) => Promise<T>): Promise<T> {
  const [{ loadConfig }, { createLogger }, { lockDataDirectory }, { openStore }, { createAccountDirectory }] =
    await Promise.all([
      import('../config/load.ts'),
      import('../server/logger.ts'),
      import('../server/data-lock.ts'),
      import('../store/index.ts'),
      import('../store/accounts/directory.ts'),
    ]);
  const loaded = await loadConfig(file);
  const logger = createLogger(loaded.config.log.level === 'info' ? 'warn' : loaded.config.log.level, 'stderr');
  const release = await lockDataDirectory(loaded.config.dataDir);
  try {
    const store = await openStore(loaded.config.dataDir);
    try {
      const directory = createAccountDirectory(loaded.config, store, loaded.upstreams);
      return await work({ loaded, store, directory, logger });
    } finally {
      await store.close();
    }
  } finally {
    release();
  }
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
