import type { AccountStore, View } from '../store/types.ts';

const ARCHIVE: View = { tree: 'archive' };
/** Keyword of a conserved message, in lower case. */
const CONSERVED = '$conservato';
/** Messages that leave the archive with one transaction. */
const TOGETHER = 500;
const QUEUE_RUN = 500;

/**
 * Deletes from the archive what came in a period, by day of INTERNALDATE: never what is conserved, nor what waits for it.
 * @param since null: from the first message on
 * @param yes false: only counts
 */
export async function deletePeriod(
  store: AccountStore,
  since: number | null,
  before: number,
  yes: boolean,
): Promise<{ messages: number; octets: number; kept: number }> {
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const uids = await store.search(ARCHIVE, {
    op: 'and',
    operands: [
      { op: 'before', field: 'internal', day: day(before) },
      ...(since === null ? [] : [{ op: 'since', field: 'internal', day: day(since) } as const]),
    ],
  });
  const waiting = new Set<string>();
  for (let run = await store.queued(QUEUE_RUN); run.length > 0; run = await store.queued(QUEUE_RUN, waiting.size)) {
    for (const { message } of run) waiting.add(message);
  }
  const outcome = { messages: 0, octets: 0, kept: 0 };
  for (let start = 0; start < uids.length; start += TOGETHER) {
    const run = [...uids.subarray(start, start + TOGETHER)];
    const rows = await store.fetch(ARCHIVE, run, { columns: ['flags', 'size'], sections: [], markSeen: false });
    const free = rows.filter(
      ({ flags, message }) => !waiting.has(message) && !flags.some(flag => flag.toLowerCase() === CONSERVED),
    );
    if (yes && free.length > 0) {
      await store.remove(
        ARCHIVE,
        free.map(({ uid }) => uid),
      );
    }
    outcome.messages += free.length;
    outcome.octets += free.reduce((sum, { size }) => sum + size, 0);
    outcome.kept += rows.length - free.length;
  }
  return outcome;
}
