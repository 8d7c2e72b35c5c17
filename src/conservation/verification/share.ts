/** A share of the packages each day: so that all of them are read again within a month, for as long as they are kept. */
import type { AccountStore, SealedPackage } from '../../store/types.ts';
import { fileServiceNotice, noticeOfFaults } from '../term/notices.ts';
import type { Workshop } from '../workshop.ts';
import { checkPackage } from './evidence.ts';
import type { Fault } from './fault.ts';

/** Days in which every package has its turn. */
const DAYS = 30;
/** The package that was looked at last. */
const CURSOR = 'conservation.verified';

/**
 * Checks the next packages: their evidence, and each message from its bytes. Faults are logged, written into the journal
 * and told to the user. Gives how many packages were looked at.
 */
export async function verifyShare(shop: Workshop, account: AccountStore): Promise<number> {
  const packages = await account.packages();
  const last = await account.setting<string>(CURSOR);
  const share = nextOf(packages, last, Math.ceil(packages.length / DAYS));
  for (const sealed of share) {
    shop.signal.throwIfAborted();
    const faults = await checkPackage(shop.pool, account, sealed, true);
    if (faults.length > 0) await tell(shop, account, sealed.packageId, faults);
    await account.setSetting(CURSOR, sealed.packageId);
  }
  return share.length;
}

/** In the order in which they were sealed, and from the beginning again. */
function nextOf(packages: readonly SealedPackage[], last: string | null, count: number): SealedPackage[] {
  const start = packages.findIndex(({ packageId }) => packageId === last) + 1;
  return [...packages.slice(start), ...packages.slice(0, start)].slice(0, count);
}

async function tell(shop: Workshop, account: AccountStore, packageId: string, faults: readonly Fault[]): Promise<void> {
  shop.logger.error({ account: account.address, package: packageId, faults }, 'a package is not what was sealed');
  await account.appendJournal('damage-found', 'conservation', { package: packageId, faults: faults.slice(0, 100) });
  await fileServiceNotice(account, noticeOfFaults(packageId, faults), shop.now());
}
