import { type AccountStore, type FetchedMessage, type FetchRequest, StoreError } from '../../store/types.ts';
import { Refusal } from '../errors.ts';
import type { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import { type FetchPlan, UnknownEncoding, writeMessage } from './message.ts';
import { giveBack, takeRoom } from './rooms.ts';
import { cutIntoRuns } from './runs.ts';

/** Runs that the store is asked for before they are needed; one where that marks messages as read, lest a client leave. */
const AHEAD = 2;
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
  const runs = cutIntoRuns(store, selected.view, uids, request);
  const roomy = request.sections.length > 0 && !runs.single;
  const failures: StoreError[] = [];
  let undecodable: UnknownEncoding | null = null;
  let served = 0;

  const coming: Promise<FetchedMessage[]>[] = [];
  const ahead = request.markSeen ? 1 : AHEAD;
  const ask = async (): Promise<void> => {
    while (coming.length < ahead) {
      const run = await runs.next();
      if (run === null) return;
      const rows = fetchRun(store, selected, run, roomy ? { ...request, room: takeRoom() } : request, failures);
      // A client that leaves ends the loop while this run is still on its way.
      rows.catch(() => {});
      coming.push(rows);
    }
  };

  let written: readonly FetchedMessage[] = [];
  await ask();
  for (let next = coming.shift(); next !== undefined; next = coming.shift()) {
    const rows = await next;
    runs.learn(rows);
    // The store works on the next runs while this one is written, and never waits to be asked.
    await session.writer.sent();
    giveBack(written);
    await ask();
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
    written = rows;
  }
  await session.writer.sent();
  giveBack(written);
  if (failures.length > 0) {
    for (const failure of failures) session.logger.error({ err: failure }, 'message cannot be read');
    throw new Refusal(failures[0]?.code ?? 'CORRUPTION', unreadable(failures.length));
  }
  if (undecodable !== null) throw undecodable;
  return { missing: request.changedSince === undefined ? uids.length - served : 0 };
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
  // Without the room, which went with the run.
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
