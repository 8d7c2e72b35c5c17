import type { Logger } from 'pino';
import { findExport, removeExpiredExports } from '../conservation/index.ts';
import type { Store } from '../store/types.ts';
import type { DownloadService } from '../web/downloads.ts';

const SWEEP = 3_600_000;

/** The exports that lie ready in the data directory; expired ones are removed every hour. */
export function openDownloads(
  dataDir: string,
  store: Store,
  logger: Logger,
): { readonly service: DownloadService; close(): void } {
  const sweep = (): void => {
    removeExpiredExports(dataDir, Date.now()).catch(error =>
      logger.error({ err: error }, 'expired exports cannot be removed'),
    );
  };
  sweep();
  const timer = setInterval(sweep, SWEEP).unref();
  const accounts = new Map<string, string>();
  return {
    service: {
      find: async token => {
        const found = await findExport(dataDir, token, Date.now());
        if (found !== null) accounts.set(found.path, found.account);
        return found;
      },
      fetched: ({ path, sha256 }) => {
        const address = accounts.get(path);
        if (address === undefined) return;
        logger.info({ account: address }, 'an export was fetched');
        store
          .account(address)
          .then(account => account.appendJournal('export-fetched', 'web', { sha256 }))
          .catch(error =>
            logger.error({ err: error, account: address }, 'the fetching of an export is not in the journal'),
          );
      },
    },
    close: () => clearInterval(timer),
  };
}
