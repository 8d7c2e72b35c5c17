import { withinArchivePlan } from '../alerts/archive-room.ts';
import type { Alerts } from '../alerts/index.ts';
import type { Space } from '../alerts/space.ts';
import type { Config } from '../config/schema.ts';
import { QUOTA_ROOTS, quotaLimits, usage } from '../imap/quota/index.ts';
import type { Account, AccountDirectory } from '../store/accounts/types.ts';
import type { AccountStore } from '../store/types.ts';

/** The spaces that an account's plan limits, with what is in use. */
export async function spacesOf(config: Config, account: Account, store: AccountStore): Promise<readonly Space[]> {
  const limits = quotaLimits(config, account);
  const spaces: Space[] = [];
  for (const name of QUOTA_ROOTS) {
    const limit = limits[name];
    if (limit !== null) spaces.push({ name, limit, used: await usage(store, name) });
  }
  return spaces;
}

/** The directory as the archiver uses it: an archive that is full takes no more, and its user is told. */
export function archiverDirectory(config: Config, directory: AccountDirectory, alerts: Alerts): AccountDirectory {
  return {
    resolve: login => directory.resolve(login),
    all: () => directory.all(),
    checkLocalPassword: (account, password) => directory.checkLocalPassword(account, password),
    store: async account => {
      const store = await directory.store(account);
      const limit = quotaLimits(config, account).Archivio;
      if (limit === null) return store;
      return withinArchivePlan(store, {
        fits: async octets => (await usage(store, 'Archivio')) + octets <= limit,
        needed: () => alerts.quota.needed(store),
        noRoom: octets => alerts.quota.noRoom(account.address, octets),
      });
    },
  };
}
