import {
  type AccountStore,
  type FetchedMessage,
  type FetchRequest,
  type SectionSpec,
  StoreError,
} from '../../store/types.ts';
import { Refusal } from '../errors.ts';
import type { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import { type FetchPlan, UnknownEncoding, writeMessage } from './message.ts';
import { giveBack, takeRoom } from './rooms.ts';

/** Messages asked of the store at a time: without bytes of the message; with, to begin with and at most. */
const ROWS = 400;
const FIRST_BODIES = 20;
const MOST_BODIES = 250;
/** Runs that the store is asked for before they are needed; one where that marks messages as read, lest a client leave. */
const AHEAD = 2;
/** Octets that a run of bodies should come to: most of a room, since what no longer fits is asked for one by one. */
const RUN_BYTES = 2.25 * 1024 * 1024;

/** What came of a FETCH over many messages. */
export interface FetchOutcome {
  /** Messages that the store did not have any more. */
  readonly missing: number;
}

/**
 * Fetches messages in bounded runs and writes their responses. One damaged message does not keep the others from
 * being served: it is left out, and told at the end.
 * @param uids ascending
 */
export async function runFetch(
  session: Session,
  selected: SelectedView,
  uids: readonly number[],
  request: FetchRequest,
  plan: FetchPlan,
): Promise<FetchOutcome> {
  const store = storeOf(session);
  const small = request.sections.every(onlyHeader);
  let size = small ? ROWS : FIRST_BODIES;
  // In turn: two are filled while what lies in the third is sent.
  const rooms = request.sections.length > 0 && uids.length > size ? [takeRoom(), takeRoom(), takeRoom()] : [];
  const failures: StoreError[] = [];
  let undecodable: UnknownEncoding | null = null;
  let served = 0;

  let asked = 0;
  let runs = 0;
  const coming: Promise<FetchedMessage[]>[] = [];
  const load = (): void => {
    const run = uids.slice(asked, asked + size);
    asked += run.length;
    const rows = fetchRun(store, selected, run, { ...request, room: rooms[runs++ % rooms.length] }, failures);
    // A client that leaves ends the loop while this run is still on its way.
    rows.catch(() => {});
    coming.push(rows);
  };

  const ahead = request.markSeen ? 1 : AHEAD;
  while (coming.length < ahead && asked < uids.length) load();
  for (let next = coming.shift(); next !== undefined; next = coming.shift()) {
    const rows = await next;
    if (!small) size = bodiesIn(rows);
    // The store works on the next runs while this one is written, and never waits to be asked.
    await session.writer.sent();
    while (coming.length < ahead && asked < uids.length) load();
    for (const message of rows) {
      const number = selected.numbering.numberOf(message.uid);
      if (number === 0) continue;
      served++;
      if (message.seenNow) {
        selected.introduce(message.flags);
        selected.ownChange(message);
      }
      try {
        await writeMessage(session, store, number, message, plan);
      } catch (error) {
        if (error instanceof UnknownEncoding) undecodable = error;
        else failures.push(damage(error));
        if (message.seenNow) selected.tellFlags(message, plan.withUid);
      }
    }
    await session.writer.flush();
  }
  await session.writer.sent();
  for (const room of rooms) giveBack(room);
  if (failures.length > 0) {
    for (const failure of failures) session.logger.error({ err: failure }, 'message cannot be read');
    throw new Refusal(failures[0]?.code ?? 'CORRUPTION', unreadable(failures.length));
  }
  if (undecodable !== null) throw undecodable;
  return { missing: request.changedSince === undefined ? uids.length - served : 0 };
}

/** How many messages like these make a run. */
function bodiesIn(rows: readonly FetchedMessage[]): number {
  if (rows.length === 0) return FIRST_BODIES;
  let octets = 0;
  for (const { sections } of rows) {
    for (const content of sections) {
      if (content?.kind === 'bytes') octets += content.bytes.length;
      // Either it did not fit any more, or it is so large that it is never put into a room.
      else if (content?.kind === 'range') octets += Math.min(content.length, RUN_BYTES / 3);
    }
  }
  return Math.max(1, Math.min(MOST_BODIES, Math.floor((RUN_BYTES * rows.length) / Math.max(1, octets))));
}

function onlyHeader({ text }: SectionSpec): boolean {
  return text !== undefined && text !== 'TEXT';
}

/** One run; when it fails as a whole, message by message. */
async function fetchRun(
  store: AccountStore,
  selected: SelectedView,
  uids: readonly number[],
  request: FetchRequest,
  failures: StoreError[],
): Promise<FetchedMessage[]> {
  if (uids.length === 0) return [];
  try {
    return await store.fetch(selected.view, uids, request);
  } catch (error) {
    const reason = damage(error);
    if (uids.length === 1) {
      failures.push(reason);
      return [];
    }
  }
  // Without the room: each of them would lie at its beginning, over the one before.
  const alone = { ...request, room: undefined };
  const rows: FetchedMessage[] = [];
  for (const uid of uids) rows.push(...(await fetchRun(store, selected, [uid], alone, failures)));
  return rows;
}

/** Only damage to one message is survived. */
function damage(error: unknown): StoreError {
  if (error instanceof StoreError && error.code === 'CORRUPTION') return error;
  throw error;
}

function unreadable(count: number): string {
  return count === 1
    ? 'Un messaggio risulta danneggiato e non viene mostrato: avvisare chi gestisce Archivia.'
    : `${count} messaggi risultano danneggiati e non vengono mostrati: avvisare chi gestisce Archivia.`;
}
