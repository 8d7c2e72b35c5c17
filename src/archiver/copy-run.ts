/**
 * A run of messages at a time: small ones come many with one answer, are stored side by side, and get their places in
 * the order of their UIDs with one transaction.
 */
import type { ImapFlow } from 'imapflow';
import type { Filed, HeldMessage } from '../store/types.ts';
import { CHUNK, type Destination, holdMessage, holdSpool, isOfTheMessage, milliseconds } from './copy-message.ts';
import { fileTogether } from './file-together.ts';

/** Messages of one run: what a crash makes us ask for again. */
export const RUN_MESSAGES = 64;
/** Octets of small messages that come with one answer. */
const ANSWER_OCTETS = 1024 * 1024;
/** Messages of a run that the store takes at the same time. */
const CONCURRENT = 48;

/** What became of one message: stored, gone from the upstream, or failed for a reason of its own. */
export type Copied =
  | { readonly uid: number; readonly filed: Filed }
  | { readonly uid: number; readonly gone: true }
  | { readonly uid: number; readonly failure: Error };

interface RunOutcome {
  /** In the order of the UIDs, up to what stopped the run. */
  readonly copied: readonly Copied[];
  /** What stopped it; null when it came to its end. */
  readonly error: unknown;
}

type Taken = { readonly held: HeldMessage } | { readonly gone: true } | { readonly failure: Error };

/** Copies messages of the open folder, at most `RUN_MESSAGES`, ascending. Never rejects: what was stored counts. */
export async function copyRun(
  client: ImapFlow,
  destination: Destination,
  uids: readonly number[],
): Promise<RunOutcome> {
  const taking = new Map<number, Promise<Taken>>();
  let error: unknown = null;
  try {
    if (uids.length > 1) await takeSmall(client, destination, uids, taking);
    for (const uid of uids) {
      if (taking.has(uid)) continue;
      const taken = settle(alone(client, destination, uid));
      taking.set(uid, taken);
      await taken;
    }
  } catch (reason) {
    error = reason;
  }
  const taken: { uid: number; what: Taken }[] = [];
  for (const uid of uids) {
    const work = taking.get(uid);
    if (work === undefined) break;
    try {
      taken.push({ uid, what: await work });
    } catch (reason) {
      error ??= reason;
      break;
    }
  }
  await Promise.allSettled(taking.values());
  return file(destination, taken, error);
}

/** Those that fit into one answer together; whatever comes otherwise than announced is left for a careful look. */
async function takeSmall(
  client: ImapFlow,
  destination: Destination,
  uids: readonly number[],
  taking: Map<number, Promise<Taken>>,
): Promise<void> {
  const asked = new Set(uids);
  const heads = new Map<number, { readonly size: number; readonly internalDate: number | undefined }>();
  for await (const { uid, size, internalDate } of client.fetch(
    uids.join(','),
    { uid: true, size: true, internalDate: true },
    { uid: true },
  )) {
    if (size !== undefined && size <= CHUNK && asked.has(uid))
      heads.set(uid, { size, internalDate: milliseconds(internalDate) });
  }
  const running = new Set<Promise<unknown>>();
  for (const answer of answers(uids, heads)) {
    for await (const { uid, source } of client.fetch(answer.join(','), { uid: true, source: true }, { uid: true })) {
      const head = heads.get(uid);
      if (head === undefined || source === undefined || source.length !== head.size || taking.has(uid)) continue;
      const work = settle(spooled(destination, source, head.internalDate));
      taking.set(uid, work);
      running.add(work);
      const done = () => void running.delete(work);
      work.then(done, done);
      if (running.size >= CONCURRENT) await Promise.race([...running].map(one => one.catch(() => {})));
    }
  }
}

function* answers(uids: readonly number[], heads: ReadonlyMap<number, { readonly size: number }>): Generator<number[]> {
  let answer: number[] = [];
  let octets = 0;
  for (const uid of uids) {
    const size = heads.get(uid)?.size;
    if (size === undefined) continue;
    if (answer.length > 0 && octets + size > ANSWER_OCTETS) {
      yield answer;
      answer = [];
      octets = 0;
    }
    answer.push(uid);
    octets += size;
  }
  if (answer.length > 0) yield answer;
}

async function spooled(destination: Destination, source: Buffer, internalDate: number | undefined): Promise<Taken> {
  const spool = await destination.account.spool();
  try {
    await spool.write(source);
  } catch (error) {
    await spool.discard().catch(() => {});
    throw error;
  }
  return { held: await holdSpool(destination, spool, internalDate) };
}

async function alone(client: ImapFlow, destination: Destination, uid: number): Promise<Taken> {
  const held = await holdMessage(client, destination, uid);
  return held === null ? { gone: true } : { held };
}

/** A failure of the message's own becomes its outcome; others reject, and are heard when the run is put together. */
function settle(work: Promise<Taken>): Promise<Taken> {
  const settled = work.catch((error: unknown): Taken => {
    if (isOfTheMessage(error)) return { failure: error };
    throw error;
  });
  settled.catch(() => {});
  return settled;
}

async function file(
  { account, view }: Destination,
  taken: readonly { readonly uid: number; readonly what: Taken }[],
  error: unknown,
): Promise<RunOutcome> {
  const held = taken.flatMap(({ what }) => ('held' in what ? [what.held] : []));
  let filed: readonly (Filed | Error)[];
  try {
    filed = await fileTogether(account, view, held);
  } catch (reason) {
    return { copied: [], error: reason };
  }
  let next = 0;
  const copied = taken.map(({ uid, what }): Copied => {
    if (!('held' in what)) return { uid, ...what };
    const place = filed[next++];
    return place === undefined || place instanceof Error
      ? { uid, failure: place ?? new Error('the store gave no place') }
      : { uid, filed: place };
  });
  return { copied, error };
}
