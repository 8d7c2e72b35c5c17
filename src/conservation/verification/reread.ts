/** A share of the archive each day: so that every message is read again within a month, conserved or not. */
import { MessageChannel } from 'node:worker_threads';
import type { AccountStore, MessageRecord } from '../../store/types.ts';
import { storeErrorCode } from '../store-error.ts';
import { fileServiceNotice, noticeOfDamage } from '../term/notices.ts';
import { supply } from '../threads/supply.ts';
import type { Workshop } from '../workshop.ts';

/** Days in which every message has its turn. */
const DAYS = 30;
/** UID in the archive of the message that was read last. */
const CURSOR = 'conservation.reread';
/** Messages that are looked up and read together. */
const PAGE = 50;

interface Damaged {
  readonly message: string;
  readonly reason: string;
}

/**
 * Reads the next messages of the archive that are not conserved: those are read with their packages. What is damaged is
 * logged, written into the journal and told to the user. Gives how many messages were read.
 */
export async function rereadShare(shop: Workshop, account: AccountStore): Promise<number> {
  const { uids } = await account.open({ tree: 'archive' }, { readOnly: true });
  const last = (await account.setting<number>(CURSOR)) ?? 0;
  const next = uids.findIndex(uid => uid > last);
  const start = next === -1 ? 0 : next;
  const share = uids.subarray(start, start + Math.ceil(uids.length / DAYS));
  const damaged: Damaged[] = [];
  let read = 0;
  for (let at = 0; at < share.length; at += PAGE) {
    shop.signal.throwIfAborted();
    const records = await recordsOf(account, [...share.subarray(at, at + PAGE)], damaged);
    damaged.push(...(await unlike(shop, account, records)));
    read += records.length;
  }
  if (damaged.length > 0) await tell(shop, account, damaged);
  if (share.length > 0) await account.setSetting(CURSOR, share.at(-1));
  return read;
}

async function recordsOf(account: AccountStore, uids: readonly number[], damaged: Damaged[]): Promise<MessageRecord[]> {
  const view = { tree: 'archive' } as const;
  const rows = await account.fetch(view, uids, { columns: [], sections: [], markSeen: false });
  const records: MessageRecord[] = [];
  for (const { message } of rows) {
    try {
      const record = await account.record(message);
      if (record.conserved === null) records.push(record);
    } catch (error) {
      const code = storeErrorCode(error);
      if (code === null) throw error;
      // Removed meanwhile, which is no damage.
      if (code !== 'NONEXISTENT') damaged.push({ message, reason: error instanceof Error ? error.message : code });
    }
  }
  return records;
}

async function unlike(shop: Workshop, account: AccountStore, records: readonly MessageRecord[]): Promise<Damaged[]> {
  if (records.length === 0) return [];
  const { port1: here, port2: port } = new MessageChannel();
  try {
    supply(account, records, here);
    const messages = records.map(({ sha256, size }) => ({ sha256, size }));
    const items = await shop.pool.run('findUnlike', { messages, port }, { transfer: [port] });
    const suspects = items.flatMap(item => records[item] ?? []);
    const damaged: Damaged[] = [];
    for (const { message } of suspects) {
      // One that was removed while it was read is gone, not damaged.
      const gone = await account.record(message).then(
        () => false,
        error => storeErrorCode(error) === 'NONEXISTENT',
      );
      if (!gone) damaged.push({ message, reason: 'its bytes are not those that were archived' });
    }
    return damaged;
  } finally {
    here.close();
  }
}

async function tell(shop: Workshop, account: AccountStore, damaged: readonly Damaged[]): Promise<void> {
  shop.logger.error({ account: account.address, damaged }, 'messages are not what was archived');
  await account.appendJournal('damage-found', 'conservation', { messages: damaged.slice(0, 100) });
  await fileServiceNotice(account, noticeOfDamage(damaged.map(({ message }) => message)), shop.now());
}
