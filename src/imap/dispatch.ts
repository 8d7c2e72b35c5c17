import { StoreError, type StoreErrorCode } from '../store/types.ts';
import { argumentsOf } from './arguments.ts';
import { COMMANDS } from './commands/index.ts';
import type { AlreadyTold, CommandDefinition, Completion } from './commands/types.ts';
import { ConnectionClosed, FatalFailure, Refusal, SyntaxFailure } from './errors.ts';
import type { Session } from './session.ts';
import { stillWorking } from './still-working.ts';
import { LIMITS } from './wire/limits.ts';
import type { IncomingCommand } from './wire/reader.ts';

/** Runs one command in the engine and answers it. Rejects only when the connection must end. */
export async function dispatch(session: Session, command: IncomingCommand): Promise<void> {
  const definition = COMMANDS.get(command.name);
  await conclude(session, command, definition?.mayExpunge ?? false, async () => {
    if (definition !== undefined && allowed(definition, session)) return run(definition, session, command);
    await session.reader.refuseLiteral(command.literal);
    if (definition?.state === 'selected') throw new SyntaxFailure('No mailbox selected');
    if (definition !== undefined) throw new SyntaxFailure('Command not allowed in this state');
    throw new SyntaxFailure(command.name === '' ? 'Invalid command' : 'Unknown command');
  });
}

/** Does what a command asks and sends its tagged answer, whatever came of it. */
export async function conclude(
  session: Session,
  command: IncomingCommand,
  mayExpunge: boolean,
  action: () => Promise<Completion | AlreadyTold>,
): Promise<void> {
  await session.turn.enter();
  try {
    await concludeInTurn(session, command, mayExpunge, action);
  } finally {
    session.turn.leave();
  }
}

async function concludeInTurn(
  session: Session,
  command: IncomingCommand,
  mayExpunge: boolean,
  action: () => Promise<Completion | AlreadyTold>,
): Promise<void> {
  let answer: string;
  const done = stillWorking(session, command.name);
  try {
    const completion = await action();
    session.badCommands = 0;
    if ('alreadyTold' in completion) return;
    await tellNews(session, command, mayExpunge);
    answer = `OK ${completion.code === undefined ? '' : `[${completion.code}] `}${completion.text}`;
  } catch (error) {
    answer = failure(session, command, error);
  } finally {
    done();
  }
  session.writer.line(`${command.tag} ${answer}`);
  await session.writer.flush();
  const limit = session.account === null ? LIMITS.badCommandsBeforeLogin : LIMITS.badCommandsAfterLogin;
  if (session.badCommands >= limit) throw new FatalFailure(null, 'Troppi comandi non validi.');
}

async function run(
  definition: CommandDefinition,
  session: Session,
  command: IncomingCommand,
): Promise<Completion | AlreadyTold> {
  if ('stream' in definition) return definition.stream(session, command);
  const whole = await session.reader.complete(command, session.invite);
  return definition.run(session, argumentsOf(whole), whole);
}

/** The view's news go before the tagged answer. That they cannot be had says nothing about the command itself. */
async function tellNews(session: Session, command: IncomingCommand, mayExpunge: boolean): Promise<void> {
  try {
    await session.selected?.tellNews(mayExpunge, command.name.startsWith('UID '));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    session.logger.warn({ err: error }, 'news not told');
  }
}

function allowed(definition: CommandDefinition, session: Session): boolean {
  switch (definition.state) {
    case 'any':
      return true;
    case 'not-authenticated':
      return session.account === null;
    case 'authenticated':
      return session.account !== null;
    case 'selected':
      return session.selected !== null;
  }
}

const STORE_CODES: Record<StoreErrorCode, string> = {
  NONEXISTENT: 'NONEXISTENT',
  ALREADYEXISTS: 'ALREADYEXISTS',
  CANNOT: 'CANNOT',
  NOPERM: 'NOPERM',
  OVERQUOTA: 'OVERQUOTA',
  TOOBIG: 'TOOBIG',
  CORRUPTION: 'CORRUPTION',
  LIMIT: 'LIMIT',
  UNAVAILABLE: 'UNAVAILABLE',
  SERVERBUG: 'SERVERBUG',
};

/** The tagged NO or BAD for an error; rethrows what ends the connection. */
function failure(session: Session, command: IncomingCommand, error: unknown): string {
  if (error instanceof FatalFailure || error instanceof ConnectionClosed) throw error;
  if (error instanceof SyntaxFailure) {
    session.badCommands++;
    return `BAD ${error.message}`;
  }
  if (error instanceof Refusal) return `NO ${error.code === null ? '' : `[${error.code}] `}${printable(error.message)}`;
  if (error instanceof StoreError && error.code !== 'SERVERBUG') {
    if (error.code === 'CORRUPTION') session.logger.error({ err: error, command: command.name }, 'damaged message');
    return `NO [${STORE_CODES[error.code]}] ${printable(error.message)}`;
  }
  session.logger.error({ err: error, command: command.name }, 'command failed');
  return `NO [SERVERBUG] ${printable('Errore interno: il comando non è stato eseguito.')}`;
}

/**
 * A text for a response line. Italian accents become apostrophes, as everyone reads them: 8-bit text is only for
 * clients that enabled UTF8=ACCEPT, and some show mojibake even then.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/[àèéìòùÀÈÉÌÒÙ]/g, letter => `${letter.normalize('NFD')[0]}'`)
    .replaceAll(/[^\x20-\x7e]+/g, ' ');
}
