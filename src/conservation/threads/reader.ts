import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type AccountStore, type MessageRecord, type QueuedMessage, StoreError } from '../../store/types.ts';
import type { Inspected, InspectTask, Uninspected } from './inspect.ts';
import type { ConservationPool } from './pool.ts';
import type { MessageSource } from './receive.ts';

/** As much as the store gives at once. */
const PIECE = 1 << 20;
/** Longer than the largest message takes; a hostile one must not stop the queue for ever. */
const TIME_LIMIT = 300_000;

type Transfer = readonly (ArrayBuffer | MessagePort)[];

/**
 * Has a stored message worked on by another thread, giving it the octets piece by piece. Rejects with the store's error
 * when it cannot be read.
 */
async function sendMessage<T>(
  account: AccountStore,
  record: MessageRecord,
  work: (source: MessageSource, transfer: Transfer) => Promise<T>,
): Promise<T> {
  const first = await piece(account, record, 0);
  if (first.length >= record.size) return work({ first, more: null }, [first.buffer]);

  const { port1: here, port2: more } = new MessageChannel();
  const failure: { cause: unknown } = { cause: null };
  let at = first.length;
  here.on('message', async () => {
    try {
      const bytes = await piece(account, record, at);
      at += bytes.length;
      here.postMessage(bytes, [bytes.buffer]);
    } catch (error) {
      failure.cause = error;
      here.postMessage('unreadable');
    }
  });
  try {
    const outcome = await work({ first, more }, [first.buffer, more]);
    if (failure.cause !== null) throw failure.cause;
    return outcome;
  } catch (error) {
    throw failure.cause ?? error;
  } finally {
    here.close();
  }
}

/**
 * Reads a message back and has it inspected; null when it is not what its record says, a failure when the message breaks
 * the inspection. Rejects with a StoreError (CORRUPTION, NONEXISTENT, ...) when the store does, with another error when
 * there is no thread to work on.
 */
export function inspectQueued(
  pool: ConservationPool,
  account: AccountStore,
  record: QueuedMessage,
  facts: Pick<InspectTask, 'holder' | 'checkedAt' | 'retention' | 'relations'>,
): Promise<Inspected | Uninspected | null> {
  return sendMessage(account, record, async (source, transfer) => {
    const signal = AbortSignal.timeout(TIME_LIMIT);
    try {
      const task = { record, account: account.address, ...facts, ...source };
      return await pool.run('inspectMessage', task, { transfer, signal });
    } catch (error) {
      if (signal.aborted) return { failure: 'non è finito in tempo' };
      if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        return { failure: 'memoria insufficiente' };
      }
      throw error;
    }
  });
}

/** The next octets in a buffer of their own, since it is going to be transferred; empty at the end. */
async function piece(account: AccountStore, record: MessageRecord, start: number): Promise<Uint8Array<ArrayBuffer>> {
  const length = Math.min(PIECE, record.size - start);
  if (length <= 0) return new Uint8Array();
  const bytes = await account.read(record.message, start, length);
  if (bytes.length === 0) throw new StoreError('CORRUPTION', `message ${record.message} ends at octet ${start}`);
  return ownBuffer(bytes) ? bytes : new Uint8Array(bytes);
}

function ownBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.length;
}
