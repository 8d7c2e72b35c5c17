import { statfs } from 'node:fs/promises';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import { type QuotaRoot, quotaLimits, usage } from './roots.ts';

/**
 * `* QUOTA "Archivio" (STORAGE 10 500)` in units of 1024 octets. Without a plan's limit there is the disk's: usage alone
 * has no form in RFC 9208, and at an empty list Thunderbird loses its place in the answers (INBOX looks empty).
 */
export async function quotaLine(session: Session, root: QuotaRoot): Promise<string> {
  const { account, services } = session;
  if (account === null) throw new Error('session without account');
  const store = storeOf(session);
  const used = await usage(store, root);
  const limit = quotaLimits(services.config, account)[root] ?? used + (await freeOctets(store.directory));
  return `* QUOTA "${root}" (STORAGE ${Math.ceil(used / 1024)} ${Math.floor(limit / 1024)})`;
}

/** `"Archivio" "Conservazione"` with a space before each. */
export function quotaRootNames(roots: readonly QuotaRoot[]): string {
  return roots.map(root => ` "${root}"`).join('');
}

async function freeOctets(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
