import type { AccountStore } from '../../store/types.ts';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import { type QuotaLimits, type QuotaRoot, quotaLimits, usage } from './roots.ts';

/**
 * `* QUOTA "Archivio" (STORAGE 10 500)` in units of 1024 octets. Without a limit the list is empty: usage alone has
 * no form in RFC 9208, and an empty list is what clients know from Dovecot.
 */
export async function quotaLine(session: Session, root: QuotaRoot): Promise<string> {
  return resourceLine(storeOf(session), limitsOf(session), root);
}

/** `"Archivio" "Conservazione"` with a space before each. */
export function quotaRootNames(roots: readonly QuotaRoot[]): string {
  return roots.map(root => ` "${root}"`).join('');
}

function limitsOf(session: Session): QuotaLimits {
  if (session.account === null) throw new Error('session without account');
  return quotaLimits(session.services.config, session.account);
}

async function resourceLine(store: AccountStore, limits: QuotaLimits, root: QuotaRoot): Promise<string> {
  const limit = limits[root];
  if (limit === null) return `* QUOTA "${root}" ()`;
  const used = await usage(store, root);
  return `* QUOTA "${root}" (STORAGE ${Math.ceil(used / 1024)} ${Math.floor(limit / 1024)})`;
}
