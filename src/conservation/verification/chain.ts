import { journalHash } from '../../store/journal/chain.ts';
import type { JournalEntry } from '../../store/types.ts';

/** Follows a run of entries from the hash before them. Work for a worker thread. */
export function checkJournal(task: {
  readonly seq: number;
  readonly hash: string;
  readonly entries: readonly JournalEntry[];
}): { readonly fault: string | null; readonly hashes: readonly string[] } {
  const hashes: string[] = [];
  for (const entry of task.entries) {
    const seq = task.seq + hashes.length + 1;
    if (entry.seq !== seq) return { fault: `entry ${seq} is missing`, hashes };
    const hash = journalHash(hashes.at(-1) ?? task.hash, entry);
    if (hash !== entry.hash)
      return { fault: `entry ${seq} is not what was written, or one before it was changed`, hashes };
    hashes.push(hash);
  }
  return { fault: null, hashes };
}
