import type { Config } from '../../config/schema.ts';
import type { Account } from '../../store/accounts/types.ts';
import type { AccountStore, View } from '../../store/types.ts';

/**
 * The quota roots of an account (RFC 9208): one for what lies in the archive, one for what is conserved or waits for
 * it. Sizes are sums of RFC822.SIZE, by counters: what the user put there, not what it takes on disk.
 */
export type QuotaRoot = 'Archivio' | 'Conservazione';

export const QUOTA_ROOTS: readonly QuotaRoot[] = ['Archivio', 'Conservazione'];

const TREES: Record<QuotaRoot, readonly View[]> = {
  Archivio: [{ tree: 'archive' }],
  Conservazione: [{ tree: 'conservation' }, { tree: 'intake' }],
};

/** Octets that the account's plan grants; null where it sets no limit. */
export type QuotaLimits = Readonly<Record<QuotaRoot, number | null>>;

export function quotaLimits(config: Config, account: Account): QuotaLimits {
  const plan = account.plan === null ? undefined : config.plans[account.plan];
  return { Archivio: plan?.archiveBytes ?? null, Conservazione: plan?.conservationBytes ?? null };
}

/** What fills up by a message that is put there; a message in the intake is in the archive as well. */
export function rootsOf(view: View): readonly QuotaRoot[] {
  switch (view.tree) {
    case 'archive':
      return ['Archivio'];
    case 'intake':
      return ['Archivio', 'Conservazione'];
    case 'conservation':
      return ['Conservazione'];
    case 'watch':
    case 'local':
      return [];
  }
}

/** Octets in use. */
export async function usage(store: AccountStore, root: QuotaRoot): Promise<number> {
  const trees = await store.status(TREES[root]);
  return trees.reduce((sum, tree) => sum + tree.size, 0);
}
