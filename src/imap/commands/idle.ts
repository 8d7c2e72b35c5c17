import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../../store/types.ts';
import { argumentsOf } from '../arguments.ts';
import { ConnectionClosed, SyntaxFailure } from '../errors.ts';
import type { Session } from '../session.ts';
import type { StreamingCommand } from './types.ts';

/** News that come close together go out together. */
const BATCH_MILLISECONDS = 150;
/** A sign of life, for clients, NATs and firewalls. */
const STILL_HERE_MILLISECONDS = 2 * 60_000;
/** Pause after news that could not be had. */
const RETRY_MILLISECONDS = 5_000;

/**
 * RFC 2177. Works with nothing selected as well: Outlook idles before it selects. What the client sends with or
 * behind DONE stays where it is and is read as commands.
 */
export const idle: StreamingCommand = {
  name: 'IDLE',
  state: 'authenticated',
  mayExpunge: true,
  async stream(session, command) {
    await session.reader.refuseLiteral(command.literal);
    if (command.literal !== null) throw new SyntaxFailure('Unexpected arguments');
    argumentsOf(command).end();
    await tellNews(session);
    session.writer.line('+ idling');
    await session.writer.flush();
    session.turn.leave();
    const line = await waitForLine(session).finally(() => session.turn.enter());
    if (line === null) throw new ConnectionClosed();
    if (line.toString('latin1').trim().toUpperCase() !== 'DONE') throw new SyntaxFailure('Expected DONE');
    return { text: 'Idle completed.' };
  },
};

/** The client's next line; until it comes, news are pushed. Null when the client has gone or the server stops. */
async function waitForLine(session: Session): Promise<Buffer | null> {
  const ended = new AbortController();
  const { signal } = ended;
  const gone = () => ended.abort();
  session.signal.addEventListener('abort', gone, { once: true });
  if (session.signal.aborted) gone();
  const aborted = new Promise<null>(resolve => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  const line = session.reader.line();
  const pushing = push(session, signal);
  // Whichever of the two fails first ends both; the other's failure has nobody left to hear it.
  line.catch(() => {});
  pushing.catch(() => {});
  try {
    return await Promise.race([line, aborted, pushing.then(() => null)]);
  } finally {
    session.signal.removeEventListener('abort', gone);
    ended.abort();
    await pushing.catch(() => {});
  }
}

/** Tells news as they come, until the signal. Rejects when the client cannot be written to. */
async function push(session: Session, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const news = await nextNews(session, signal);
    if (signal.aborted) return;
    if (news) {
      await sleep(BATCH_MILLISECONDS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      if (!(await inTurn(session, () => tellNews(session))))
        await sleep(RETRY_MILLISECONDS, undefined, { signal }).catch(() => {});
    } else {
      await inTurn(session, async () => session.writer.line('* OK Still here'));
    }
    await session.writer.flush();
  }
}

async function inTurn<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.turn.enter();
  try {
    return await work();
  } finally {
    session.turn.leave();
  }
}

/** True when there may be news, false when it is time for a sign of life or the signal came. */
function nextNews(session: Session, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const done = (news: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (session.selected !== null) session.selected.onNews = null;
      resolve(news);
    };
    const onAbort = () => done(false);
    const timer = setTimeout(() => done(false), STILL_HERE_MILLISECONDS);
    signal.addEventListener('abort', onAbort, { once: true });
    if (session.selected !== null) {
      session.selected.onNews = () => done(true);
      if (session.selected.hasNews) done(true);
    }
  });
}

/** False when the news cannot be had now: they are told later. */
async function tellNews(session: Session): Promise<boolean> {
  try {
    await session.selected?.tellNews(true);
    return true;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    session.logger.warn({ err: error }, 'news not told');
    return false;
  }
}
