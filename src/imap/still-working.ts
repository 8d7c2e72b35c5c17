import type { Session } from './session.ts';

/** Clients give up after 20 to 100 seconds of silence. */
const QUIET_MILLISECONDS = 20_000;

/**
 * Commands that stream literals or talk with the client themselves: a line of ours could stand in the wrong place, and
 * they are not silent for long.
 */
const NEVER = ['APPEND', 'AUTHENTICATE', 'COMPRESS', 'FETCH', 'IDLE', 'LOGIN', 'LOGOUT', 'STARTTLS', 'UID FETCH'];

/**
 * While a command works in silence (a MOVE of thousands of messages), says now and then that it still does.
 * @returns the way to stop it, before the command's own answer
 */
export function stillWorking(session: Session, command: string): () => void {
  if (NEVER.includes(command)) return () => {};
  const { writer } = session;
  let written = writer.written;
  const timer = setInterval(() => {
    if (written === writer.written) {
      writer.line('* OK Still working');
      writer.flush().catch(() => {});
    }
    written = writer.written;
  }, QUIET_MILLISECONDS);
  return () => clearInterval(timer);
}
