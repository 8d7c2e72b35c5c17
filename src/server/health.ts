import { access, constants, statfs } from 'node:fs/promises';
import type { Sampling } from './sampling.ts';

/** Less room than this, and the next message may not find any. Octets. */
const LEAST_ROOM = 64 << 20;

/** Why the server cannot do its work, English and without anybody's address; empty: it can. Never rejects. */
export async function faultsOf(dataDir: string, sampling: Sampling): Promise<string[]> {
  const reasons: string[] = [];
  try {
    await access(dataDir, constants.R_OK | constants.W_OK);
    const { bavail, bsize } = await statfs(dataDir);
    if (bavail * bsize < LEAST_ROOM) reasons.push('the disk of the data directory is full');
  } catch {
    reasons.push('the data directory is not writable');
  }
  const unreadable = (await sampling.latest())?.unreadable ?? 0;
  if (unreadable > 0) reasons.push(`stores of accounts that cannot be read: ${unreadable}`);
  return reasons;
}
