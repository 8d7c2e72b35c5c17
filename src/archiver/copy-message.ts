import type { ImapFlow } from 'imapflow';
import { type AccountStore, type HeldMessage, type Origin, type Spool, StoreError, type View } from '../store/types.ts';

/** Octets asked for at a time: large enough that the way to the provider does not count, small enough to hold. */
export const CHUNK = 256 * 1024;

/** Failures of the archive as a whole: trying the next message makes no sense. */
const GENERAL = new Set<string>(['OVERQUOTA', 'NOPERM', 'UNAVAILABLE', 'LIMIT', 'NONEXISTENT']);

/** The upstream lists a message and does not hand it out, or not twice the same. */
export class UnreadableMessageError extends Error {
  override readonly name = 'UnreadableMessageError';
}

/** Whether the failure lies with one message alone, and the next one may do well. */
export function isOfTheMessage(error: unknown): error is Error {
  return error instanceof UnreadableMessageError || (error instanceof StoreError && !GENERAL.has(error.code));
}

/** Where messages of an upstream folder go. */
export interface Destination {
  readonly account: AccountStore;
  readonly view: View;
  readonly origin: Origin;
}

interface Fetched {
  readonly octets: number;
  /** RFC822.SIZE. */
  readonly announced: number;
  readonly internalDate: number | undefined;
}

/**
 * Takes one message of the open folder into the store, chunk by chunk and without setting `\Seen` upstream. Resolves
 * once it is on disk, flushed and compared; null when the message is no longer there. A message that is not as long as
 * its RFC822.SIZE is read again, and taken when both readings agree: the server's own figure is wrong then. Rejects with
 * an UnreadableMessageError when the fault lies with this message alone.
 */
export async function holdMessage(
  client: ImapFlow,
  destination: Destination,
  uid: number,
): Promise<HeldMessage | null> {
  let before: number | null = null;
  for (;;) {
    const spool = await destination.account.spool();
    let fetched: Fetched | null;
    try {
      fetched = await fetchInto(client, uid, octets => spool.write(octets));
    } catch (error) {
      await discard(spool);
      throw error;
    }
    if (fetched === null) {
      await discard(spool);
      return null;
    }
    if (fetched.octets === fetched.announced || fetched.octets === before) {
      return holdSpool(destination, spool, fetched.internalDate);
    }
    await discard(spool);
    if (before !== null) {
      throw new UnreadableMessageError(
        `message ${uid} came with ${before}, then with ${fetched.octets} of ${fetched.announced} octets`,
      );
    }
    before = fetched.octets;
  }
}

export function holdSpool(
  { account, view, origin }: Destination,
  spool: Spool,
  internalDate: number | undefined,
): Promise<HeldMessage> {
  return account.hold(view, spool, { flags: ['\\Seen'], internalDate, origin });
}

/**
 * Reads one message of the open folder, at most `CHUNK` octets at a time. null when it is no longer there.
 * @param take waits until more may come
 */
export async function fetchInto(
  client: ImapFlow,
  uid: number,
  take: (octets: Uint8Array) => Promise<void>,
): Promise<Fetched | null> {
  let octets = 0;
  let head: Pick<Fetched, 'announced' | 'internalDate'> | null = null;
  for (;;) {
    const answer = await client.fetchOne(
      String(uid),
      {
        uid: true,
        source: { start: octets, maxLength: CHUNK },
        ...(head === null ? { size: true, internalDate: true } : {}),
      },
      { uid: true },
    );
    // A server may leave out a message that another session expunged, or say it with an empty answer.
    if (!answer || answer.uid !== uid || answer.source === undefined) {
      if (!client.usable) throw new Error('the connection went away');
      if (await exists(client, uid)) throw new UnreadableMessageError(`message ${uid} is listed but not handed out`);
      return null;
    }
    head ??= { announced: answer.size ?? 0, internalDate: milliseconds(answer.internalDate) };
    if (answer.source.length > 0) await take(answer.source);
    octets += answer.source.length;
    if (answer.source.length < CHUNK) return { octets, ...head };
  }
}

async function exists(client: ImapFlow, uid: number): Promise<boolean> {
  const found = await client.search({ uid: String(uid) }, { uid: true });
  if (!found) throw new Error('the upstream refused to search');
  return found.includes(uid);
}

export function milliseconds(date: Date | string | undefined): number | undefined {
  const time = date === undefined ? Number.NaN : new Date(date).getTime();
  return Number.isNaN(time) ? undefined : time;
}

async function discard(spool: Spool): Promise<void> {
  // What stays behind is removed at the next start.
  await spool.discard().catch(() => {});
}
