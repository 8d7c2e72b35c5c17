import type { Flag } from '../../store/types.ts';
import { FatalFailure, SyntaxFailure } from '../errors.ts';
import { parseFlagList } from '../flags.ts';
import { parseInternalDate } from '../internal-date.ts';
import { mailboxArgument } from '../mailbox.ts';
import type { Session } from '../session.ts';
import { LIMITS } from '../wire/limits.ts';
import type { LiteralMark } from '../wire/literal.ts';
import { Parser } from '../wire/parser.ts';
import type { IncomingCommand } from '../wire/reader.ts';

/** What stands between the mailbox and a message, or between two messages. */
export interface MessageArguments {
  readonly flags: readonly Flag[];
  readonly internalDate: number | undefined;
  /** `UTF8 (~{n}`: a parenthesis is to follow the literal (RFC 6855 section 4). */
  readonly utf8: boolean;
  /** The message is put together from parts (RFC 4469). */
  readonly catenate: boolean;
}

/**
 * The arguments of an APPEND as they come, with one or more messages among them (RFC 3502): text is parsed as soon as
 * it is there, and each literal is read when somebody wants it.
 */
export class AppendArguments {
  readonly #session: Session;
  #parser: Parser;
  /** The literal that the text read so far announces. */
  #literal: LiteralMark | null;
  /** The mailbox, octets as parsed. */
  readonly mailbox: string;

  private constructor(session: Session, mailbox: string, parser: Parser, literal: LiteralMark | null) {
    this.#session = session;
    this.mailbox = mailbox;
    this.#parser = parser;
    this.#literal = literal;
  }

  static async read(session: Session, command: IncomingCommand): Promise<AppendArguments> {
    let { literal } = command;
    try {
      const named = await mailboxArgument(session, command);
      literal = named.command.literal;
      return new AppendArguments(session, named.mailbox, named.parser, literal);
    } catch (error) {
      if (!(error instanceof FatalFailure)) await session.reader.refuseLiteral(literal);
      throw error;
    }
  }

  /** Flags and date of the next message; afterwards its literal, or the first part of it, is next. */
  message(): MessageArguments {
    const parser = this.#parser;
    parser.space();
    let flags: readonly Flag[] = [];
    if (parser.peek === '(') {
      flags = parseFlagList(parser);
      parser.space();
    }
    let internalDate: number | undefined;
    if (parser.peek === '"') {
      internalDate = parseInternalDate(parser.string()) ?? undefined;
      if (internalDate === undefined) throw new SyntaxFailure('Invalid date');
      parser.space();
    }
    const utf8 = this.#session.enabled.has('UTF8=ACCEPT') && parser.startsWith('UTF8 (');
    const catenate = !utf8 && parser.startsWith('CATENATE (');
    if (utf8 || catenate) {
      parser.keyword();
      parser.space();
      parser.open();
    }
    return { flags, internalDate, utf8, catenate };
  }

  /** The literal that is next: how long it is, and which. */
  announced(): LiteralMark {
    if (this.#literal === null || !this.#parser.atEnd) throw new SyntaxFailure('Expected literal');
    return this.#literal;
  }

  /** Reads the literal that is next. `write` is not called any more once it has failed; that is told at the end. */
  async receive(write: (piece: Uint8Array) => Promise<void>): Promise<void> {
    const literal = this.announced();
    if (literal.synchronising) await this.#session.invite();
    this.#literal = null;
    let failure: unknown = null;
    for await (const piece of this.#session.reader.literal(literal.size)) {
      if (failure !== null) continue;
      try {
        // Only a literal8 may hold NUL (RFC 3516 section 4.4).
        if (!literal.binary && piece.includes(0)) throw new SyntaxFailure('NUL in literal');
        await write(piece);
      } catch (error) {
        failure = error ?? new Error('not written');
      }
    }
    await this.#goOn();
    if (failure !== null) throw failure;
  }

  /** The next part of a CATENATE; null behind the last one. */
  part(first: boolean): 'TEXT' | 'URL' | null {
    const parser = this.#parser;
    if (parser.take(')')) return null;
    if (!first) parser.space();
    const kind = parser.keyword();
    if (kind !== 'TEXT' && kind !== 'URL') throw new SyntaxFailure('Expected TEXT or URL');
    parser.space();
    return kind;
  }

  /** A URL: an astring, which may be a literal of its own. */
  async url(): Promise<string> {
    if (!this.#parser.atEnd || this.#literal === null) return this.#parser.astring();
    if (this.#literal.size > LIMITS.argumentLiteral) throw new SyntaxFailure('Literal too large');
    const pieces: Uint8Array[] = [];
    await this.receive(async piece => {
      pieces.push(piece);
    });
    return Buffer.concat(pieces).toString('latin1');
  }

  /** The parenthesis behind `UTF8 (~{n}`. */
  close(): void {
    this.#parser.expect(')');
  }

  /** Whether another message follows. */
  get more(): boolean {
    if (this.#literal !== null || !/^ *$/.test(this.#parser.rest)) return true;
    this.#parser.end();
    return false;
  }

  /** Gets past what nobody wants. */
  async refuse(): Promise<void> {
    const literal = this.#literal;
    this.#literal = null;
    await this.#session.reader.refuseLiteral(literal);
  }

  async #goOn(): Promise<void> {
    const { segment, literal } = await this.#session.reader.rest();
    this.#parser = new Parser([segment], 0);
    this.#literal = literal;
  }
}
