import { argumentsOf } from '../arguments.ts';
import { decodeMutf7 } from '../mutf7.ts';
import type { ViewNames } from '../names.ts';
import type { Session } from '../session.ts';
import { type Parser, utf8 } from '../wire/parser.ts';
import type { IncomingCommand } from '../wire/reader.ts';

/** Whose mailboxes commands name. What is malformed names none: whoever runs the command says so. */
export class MailboxArguments {
  readonly #session: Session;
  readonly #names: ViewNames;

  constructor(session: Session) {
    if (session.names === null) throw new Error('session without names');
    this.#session = session;
    this.#names = session.names;
  }

  /** Whether a name, as the client wrote it, is one of ours. */
  owns(octets: string): boolean {
    const name = this.#decode(octets);
    return name !== null && this.#names.owns(name);
  }

  /** Reads the mailbox argument when it is a literal, and tells whether the name is ours. */
  async first(command: IncomingCommand): Promise<{ command: IncomingCommand; ours: boolean }> {
    let current = command;
    const text = command.segments[0]?.octets.toString('latin1') ?? '';
    const literalIsMailbox = command.literal !== null && text.slice(argumentStart(command)).trim() === '';
    if (literalIsMailbox) current = await this.#session.reader.argument(command, this.#session.invite);
    try {
      const parser = argumentsOf(current);
      spaces(parser);
      return { command: current, ours: this.owns(parser.astring()) };
    } catch {
      return { command: current, ours: false };
    }
  }

  /** Of RENAME: whether either name is ours. */
  eitherOfTwo(command: IncomingCommand): boolean {
    let ours = false;
    try {
      const parser = argumentsOf(command);
      spaces(parser);
      ours = this.owns(parser.astring());
      spaces(parser);
      return this.owns(parser.astring()) || ours;
    } catch {
      return ours;
    }
  }

  /** Of COPY and MOVE: the destination, decoded. */
  destination(command: IncomingCommand): string | null {
    try {
      const parser = argumentsOf(command);
      spaces(parser);
      parser.sequenceSet();
      spaces(parser);
      return this.#decode(parser.astring());
    } catch {
      return null;
    }
  }

  /** Of SELECT and EXAMINE: the folder's name as the archiver knows it, decoded, and INBOX in capitals. */
  folder(command: IncomingCommand): string | null {
    try {
      const parser = argumentsOf(command);
      spaces(parser);
      const name = this.#decode(parser.astring());
      return name?.toUpperCase() === 'INBOX' ? 'INBOX' : name;
    } catch {
      return null;
    }
  }

  #decode(octets: string): string | null {
    return this.#session.utf8Names ? utf8(octets) : decodeMutf7(octets);
  }
}

/** More than one is wrong, and read over by upstreams: the name behind them is the same. */
function spaces(parser: Parser): void {
  parser.space();
  while (parser.take(' '));
}

/** Where the arguments begin in a command's first line. */
function argumentStart(command: IncomingCommand): number {
  return command.tag.length + 1 + command.name.length;
}
