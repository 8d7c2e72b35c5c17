import type { AccountStore, Filed, Flag } from '../store/types.ts';

const CHUNK = 1 << 16;

/** Files a message of Archivia's own into a special folder of Conservazione. The same octets again are a duplicate. */
export async function fileNotice(
  account: AccountStore,
  special: 'reports' | 'distribution',
  octets: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  date: number,
  // Like every archived copy, a report is no unread mail; what the user asked for and waits for is.
  flags: readonly Flag[] = special === 'reports' ? ['\\Seen'] : [],
): Promise<Filed> {
  const spool = await account.spool();
  try {
    for await (const piece of octets) {
      for (let at = 0; at < piece.length; at += CHUNK) await spool.write(piece.subarray(at, at + CHUNK));
    }
  } catch (error) {
    await spool.discard();
    throw error;
  }
  return account.file({ tree: 'conservation', special }, spool, {
    flags,
    internalDate: date,
    origin: { source: special === 'reports' ? 'report' : 'distribution', direction: 'received' },
  });
}
