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

/** Messages asked of the store at a time: without bytes of the message, and with. */
const ROWS = 250;
const ROWS_WITH_BODIES = 50;

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
  const size = request.sections.every(onlyHeader) ? ROWS : ROWS_WITH_BODIES;
  // In turn: one is filled while what lies in the other is sent.
  const rooms = request.sections.length > 0 && uids.length > size ? [takeRoom(), takeRoom()] : [];
  const failures: StoreError[] = [];
  let undecodable: UnknownEncoding | null = null;
  let served = 0;

  const load = (from: number): Promise<FetchedMessage[]> => {
    const room = rooms[(from / size) % 2];
    const rows = fetchRun(store, selected, uids.slice(from, from + size), { ...request, room }, failures);
    // A client that leaves ends the loop while this run is still on its way.
    rows.catch(() => {});
    return rows;
  };

  let next = load(0);
  for (let from = 0; from < uids.length; from += size) {
    const rows = await next;
    // The store works on the next run while this one is written.
    await session.writer.sent();
    if (from + size < uids.length) next = load(from + size);
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
  const rows: FetchedMessage[] = [];
  for (const uid of uids) rows.push(...(await fetchRun(store, selected, [uid], request, failures)));
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
