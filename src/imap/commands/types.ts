import type { Session } from '../session.ts';
import type { Parser } from '../wire/parser.ts';
import type { IncomingCommand } from '../wire/reader.ts';

/** In which states of RFC 3501 section 3 a command may be given. */
type CommandState = 'any' | 'not-authenticated' | 'authenticated' | 'selected';

/** What the tagged OK says. */
export interface Completion {
  readonly code?: string;
  readonly text: string;
}

/** The command has sent its own tagged answer (STARTTLS). */
export interface AlreadyTold {
  readonly alreadyTold: true;
}

interface CommandBase {
  /** Upper case; `UID FETCH` is a name of its own. */
  readonly name: string;
  readonly state: CommandState;
  /**
   * Whether EXPUNGE may be sent before the tagged answer: never by FETCH, STORE and SEARCH, whose sequence numbers
   * would shift under a client that pipelines (RFC 3501 section 7.4.1).
   */
  readonly mayExpunge: boolean;
}

/** A command whose arguments are read and parsed whole before it acts. */
export interface PlainCommand extends CommandBase {
  /** Writes untagged responses; the dispatcher sends the view's news and the tagged answer. */
  run(session: Session, parser: Parser, command: IncomingCommand): Promise<Completion>;
}

/** A command that reads its own literals or further lines: APPEND, AUTHENTICATE, IDLE. */
export interface StreamingCommand extends CommandBase {
  stream(session: Session, command: IncomingCommand): Promise<Completion | AlreadyTold>;
}

export type CommandDefinition = PlainCommand | StreamingCommand;
