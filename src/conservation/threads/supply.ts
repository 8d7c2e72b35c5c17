/** Messages on their way to another thread, one after the other, as that thread asks for them. */
import type { MessagePort } from 'node:worker_threads';
import { type AccountStore, type MessageRecord, StoreError } from '../../store/types.ts';
import { EvidenceError } from '../errors.ts';

/** As much as the store gives at once. */
const PIECE = 1 << 20;

interface Question {
  /** Number of the message. */
  readonly item: number;
  readonly start: number;
}

/** Answers what the other end of the port asks, until it is closed. Gives the store's failure, if there was one. */
export function supply(
  account: AccountStore,
  records: readonly Pick<MessageRecord, 'message' | 'size'>[],
  port: MessagePort,
): () => unknown {
  let failure: unknown = null;
  port.on('message', async ({ item, start }: Question) => {
    try {
      const record = records[item];
      if (record === undefined) throw new StoreError('NONEXISTENT', 'no such message');
      const length = Math.min(PIECE, record.size - start);
      const bytes = length <= 0 ? new Uint8Array() : new Uint8Array(await account.read(record.message, start, length));
      if (length > 0 && bytes.length === 0) throw new StoreError('CORRUPTION', `${record.message} ends at ${start}`);
      port.postMessage(bytes, [bytes.buffer as ArrayBuffer]);
    } catch (error) {
      failure = error;
      port.postMessage(null);
    }
  });
  return () => failure;
}

/** The octets of one message, in the other thread. Throws when there are no more to be had. */
export async function* ask(port: MessagePort, item: number, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < size; ) {
    const answer = new Promise<Uint8Array | null>((resolve, reject) => {
      port.once('message', resolve);
      port.once('close', () => reject(new EvidenceError('the reader went away')));
    });
    port.postMessage({ item, start } satisfies Question);
    const piece = await answer;
    port.removeAllListeners('close');
    if (piece === null) throw new EvidenceError('the message cannot be read');
    start += piece.length;
    yield piece;
  }
}
