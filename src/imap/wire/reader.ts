import { FatalFailure, SyntaxFailure } from '../errors.ts';
import { LIMITS } from './limits.ts';
import { type LiteralMark, literalMark } from './literal.ts';
import type { ByteSource } from './source.ts';

/** A run of a command: a line's text without line break and literal mark, or a literal's octets. */
export interface Segment {
  readonly kind: 'text' | 'literal';
  readonly octets: Buffer;
  readonly binary: boolean;
}

/**
 * A command as far as it has been read. `segments` ends with the text of the line read last; when `literal` is set,
 * that line announced a literal which is still on the wire.
 */
export interface IncomingCommand {
  readonly tag: string;
  /** Upper case; `UID FETCH` and the like as one name. */
  readonly name: string;
  readonly segments: readonly Segment[];
  readonly literal: LiteralMark | null;
}

const NAME = /^([^\s(){%*"\\+\x00-\x1f\x7f-\uffff]+) ([A-Za-z][A-Za-z0-9-]*)(?: ([A-Za-z]+))?/;

/** Reads a client's commands: lines and literals, nothing of their meaning. */
export class CommandReader {
  readonly #source: ByteSource;
  /** Raised after login. */
  lineLimit: number = LIMITS.lineBeforeLogin;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next command's first line; null when the client has gone. Empty lines between commands are passed over. */
  async next(): Promise<IncomingCommand | null> {
    let line: Buffer | null;
    do {
      line = await this.line();
      if (line === null) return null;
    } while (line.length === 0);
    const text = line.toString('latin1');
    const match = NAME.exec(text);
    if (match === null || (match[1] ?? '').length > LIMITS.tag) {
      const mark = literalMark(line);
      // The rest of a non-synchronising literal would be read as commands: the connection cannot be saved.
      if (mark !== null && !mark.synchronising) throw new FatalFailure(null, 'Comando non valido.');
      const tag = /^([^\s(){%*"\\+\x00-\x1f\x7f-\uffff]{1,128})(?: |$)/.exec(text)?.[1];
      return { tag: tag ?? '*', name: '', segments: [{ kind: 'text', octets: line, binary: false }], literal: null };
    }
    const verb = (match[2] ?? '').toUpperCase();
    const name = verb === 'UID' && match[3] !== undefined ? `UID ${match[3].toUpperCase()}` : verb;
    const mark = literalMark(line);
    return { tag: match[1] ?? '', name, segments: [textSegment(line, mark)], literal: mark };
  }

  /** One line without its line break; a bare LF ends it too. Null at the end of the stream. */
  async line(limit = this.lineLimit): Promise<Buffer | null> {
    let searched = 0;
    for (;;) {
      const buffered = this.#source.buffered;
      const end = buffered.indexOf(0x0a, searched);
      if (end > limit || (end === -1 && buffered.length > limit)) {
        throw new FatalFailure('TOOBIG', 'Riga di comando troppo lunga.');
      }
      if (end !== -1) {
        const line = this.#source.consume(end + 1);
        return line.subarray(0, end > 0 && line[end - 1] === 0x0d ? end - 1 : end);
      }
      searched = buffered.length;
      if (!(await this.#source.more())) return null;
    }
  }

  unreadLine(line: Uint8Array): void {
    this.#source.unread(Buffer.concat([line, Buffer.from('\r\n')]));
  }

  /** A literal's octets in pieces as they come. */
  async *literal(size: number): AsyncGenerator<Buffer, void, void> {
    for (let left = size; left > 0; ) {
      const length = await this.#atHand(left);
      left -= length;
      yield this.#source.consume(length);
    }
  }

  /**
   * The same for one who keeps none of it.
   * @param take copies what it needs at once; its promise is awaited before the next piece
   */
  async passLiteral(size: number, take: (octets: Buffer) => Promise<void>): Promise<void> {
    for (let left = size; left > 0; ) {
      const length = await this.#atHand(left);
      left -= length;
      await this.#source.lend(length, take);
    }
  }

  /** How many of the octets wanted can be taken; waits for the first. */
  async #atHand(wanted: number): Promise<number> {
    if (this.#source.buffered.length === 0 && !(await this.#source.more())) {
      throw new FatalFailure(null, 'Connessione interrotta.');
    }
    return Math.min(wanted, this.#source.buffered.length);
  }

  /** The text that follows a literal, up to the next literal or the command's end. */
  async rest(): Promise<{ segment: Segment; literal: LiteralMark | null }> {
    const line = await this.line();
    if (line === null) throw new FatalFailure(null, 'Connessione interrotta.');
    const mark = literalMark(line);
    return { segment: textSegment(line, mark), literal: mark };
  }

  /**
   * Reads one pending argument literal and the text after it.
   * @param invite sends the continuation request for a synchronising literal
   */
  async argument(command: IncomingCommand, invite: () => Promise<void>): Promise<IncomingCommand> {
    const { literal } = command;
    if (literal === null) return command;
    const held = command.segments.reduce((sum, segment) => sum + segment.octets.length, 0);
    if (literal.size > LIMITS.argumentLiteral || held + literal.size > LIMITS.command) {
      await this.refuseLiteral(literal);
      throw new SyntaxFailure('Literal too large');
    }
    if (literal.synchronising) await invite();
    const pieces: Buffer[] = [];
    for await (const piece of this.literal(literal.size)) pieces.push(piece);
    const { segment, literal: next } = await this.rest();
    const octets = Buffer.concat(pieces);
    return {
      ...command,
      segments: [...command.segments, { kind: 'literal', octets, binary: literal.binary }, segment],
      literal: next,
    };
  }

  /** Reads a whole command whose literals are all arguments. */
  async complete(command: IncomingCommand, invite: () => Promise<void>): Promise<IncomingCommand> {
    let current = command;
    while (current.literal !== null) current = await this.argument(current, invite);
    return current;
  }

  /**
   * Gets past a command that is refused while a literal is pending. A synchronising one is simply not invited; the
   * others are on their way already and are read and thrown away, or the connection ends when they are too large.
   */
  async refuseLiteral(literal: LiteralMark | null): Promise<void> {
    let pending = literal;
    let discarded = 0;
    while (pending !== null && !pending.synchronising) {
      discarded += pending.size;
      if (discarded > LIMITS.discardedLiteral) throw new FatalFailure('TOOBIG', 'Dati oltre il limite consentito.');
      for await (const _ of this.literal(pending.size)) {
        // Thrown away.
      }
      pending = (await this.rest()).literal;
    }
  }
}

function textSegment(line: Buffer, mark: LiteralMark | null): Segment {
  return {
    kind: 'text',
    octets: mark === null ? line : line.subarray(0, line.length - mark.markLength),
    binary: false,
  };
}
