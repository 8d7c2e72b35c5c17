import type { AccountStore } from '../../store/types.ts';
import { folderStatus } from './folder-status.ts';
import type { UpstreamConnection } from './upstream.ts';

/**
 * At the first login of a mailbox: what comes into INBOX from here on is new mail, and the archiver's to copy, however
 * soon it comes. INTERNALDATE could not tell, since it knows seconds. Untold, the archiver goes by the time.
 */
export async function markStartOfArchive(upstream: UpstreamConnection, store: AccountStore): Promise<void> {
  if ((await store.cursors()).some(({ folder }) => folder === 'INBOX')) return;
  const status = await folderStatus(upstream, ['INBOX']);
  if (status === null) return;
  await store.setCursor({ folder: 'INBOX', uidValidity: status.uidValidity, lastUid: status.uidNext - 1 });
}
