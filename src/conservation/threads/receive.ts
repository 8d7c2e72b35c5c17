import { createHash } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { MessageRecord } from '../../store/types.ts';

/** A larger message is hashed piece by piece and not held. */
const MAX_HELD = 160_000_000;

/** A message on its way to another thread; see reader.ts for the side that gives. */
export interface MessageSource {
  /** The first octets; all of them when there is no port. */
  readonly first: Uint8Array;
  /** Asked with `null` for the next piece; an empty one is the end, a string why there is none. */
  readonly more: MessagePort | null;
}

/**
 * Reads the message to its last octet; null when size or SHA-256 are not those of its record. Rejects when the other side
 * has no more to give.
 */
export async function receive(
  record: Pick<MessageRecord, 'size' | 'sha256'>,
  source: MessageSource,
): Promise<Uint8Array | 'too large' | null> {
  const { first, more } = source;
  const hash = createHash('sha256').update(first);
  const held = record.size <= MAX_HELD;
  let raw = first;
  let size = first.length;
  if (more !== null) {
    raw = held ? new Uint8Array(record.size) : new Uint8Array();
    if (held) raw.set(first.subarray(0, record.size));
    for await (const piece of pieces(more)) {
      hash.update(piece);
      if (size + piece.length > record.size) return null;
      if (held) raw.set(piece, size);
      size += piece.length;
    }
  }
  if (size !== record.size || hash.digest('hex') !== record.sha256) return null;
  return held ? raw : 'too large';
}

async function* pieces(port: MessagePort): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const answer = new Promise<Uint8Array | string>((resolve, reject) => {
        port.once('message', resolve);
        port.once('close', () => reject(new Error('the reader went away')));
      });
      port.postMessage(null);
      const piece = await answer;
      port.removeAllListeners('close');
      if (typeof piece === 'string') throw new Error(piece);
      if (piece.length === 0) return;
      yield piece;
    }
  } finally {
    port.close();
  }
}
