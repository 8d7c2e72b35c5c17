import type { Flag, Spool, View } from '../../store/types.ts';
import { FatalFailure, Refusal, SyntaxFailure } from '../errors.ts';
import { parseFlagList } from '../flags.ts';
import { parseInternalDate } from '../internal-date.ts';
import { mailboxArgument, viewNamed } from '../mailbox.ts';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import type { LiteralMark } from '../wire/literal.ts';
import type { Parser } from '../wire/parser.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import type { StreamingCommand } from './types.ts';

/** What stands between the mailbox and the message. */
interface MessageArguments {
  readonly flags: readonly Flag[];
  readonly internalDate: number | undefined;
  /** `UTF8 (~{n}`: a parenthesis is to follow the literal (RFC 6855 section 4). */
  readonly utf8: boolean;
  readonly literal: LiteralMark;
}

/**
 * RFC 3501 section 6.3.11 with the APPENDUID of RFC 4315. What can be refused is refused before the message is
 * invited; the message goes from the wire to the store's spool, and only as fast as that takes it.
 */
export const append: StreamingCommand = {
  name: 'APPEND',
  state: 'authenticated',
  mayExpunge: true,
  async stream(session, command) {
    const { view, message } = await beforeLiteral(session, command);
    const spool = await storeOf(session)
      .spool()
      .catch(error => refuse(session, message.literal, error));
    try {
      await receive(session, spool, message);
      const filed = await storeOf(session).file(view, spool, {
        flags: message.flags,
        internalDate: message.internalDate,
        origin: { direction: 'unknown', source: 'imap-append' },
      });
      session.selected?.mayHaveGrown();
      return { code: `APPENDUID ${filed.uidValidity} ${filed.uid}`, text: 'Append completed.' };
    } catch (error) {
      await spool.discard().catch(() => {});
      throw error;
    }
  },
};

/** Everything that can be known before the message comes. */
async function beforeLiteral(
  session: Session,
  command: IncomingCommand,
): Promise<{ view: View; message: MessageArguments }> {
  let pending = command.literal;
  try {
    const named = await mailboxArgument(session, command);
    pending = named.command.literal;
    const message = parseMessageArguments(session, named.parser, pending);
    const view = viewNamed(session, named.mailbox);
    if (message.literal.size === 0) throw new Refusal('CANNOT', 'Un messaggio vuoto non si può salvare.');
    if (message.literal.size > session.services.config.limits.messageBytes) {
      throw new Refusal('TOOBIG', 'Il messaggio supera la dimensione massima consentita.');
    }
    await refuseMissingMailbox(session, view);
    return { view, message };
  } catch (error) {
    return refuse(session, pending, error);
  }
}

/** Gets past a message that nobody wants. */
async function refuse(session: Session, literal: LiteralMark | null, error: unknown): Promise<never> {
  if (!(error instanceof FatalFailure)) await session.reader.refuseLiteral(literal);
  throw error;
}

function parseMessageArguments(session: Session, parser: Parser, literal: LiteralMark | null): MessageArguments {
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
  const utf8 = session.enabled.has('UTF8=ACCEPT') && parser.startsWith('UTF8 (');
  if (utf8) {
    parser.keyword();
    parser.space();
    parser.open();
  }
  if (literal === null || !parser.atEnd) throw new SyntaxFailure('Expected literal');
  if (utf8 && !literal.binary) throw new SyntaxFailure('Expected literal8');
  return { flags, internalDate, utf8, literal };
}

/** Our trees are always there; a client offers to make a local mailbox when it hears TRYCREATE. */
async function refuseMissingMailbox(session: Session, view: View): Promise<void> {
  if (view.tree !== 'local') return;
  const listings = await storeOf(session).listViews();
  const exists = listings.some(
    listing => listing.selectable && listing.view.tree === 'local' && listing.view.name === view.name,
  );
  if (!exists) throw new Refusal('TRYCREATE', 'La cartella non esiste.');
}

/** Takes the message and the rest of the command from the wire, whatever becomes of the spool meanwhile. */
async function receive(session: Session, spool: Spool, { literal, utf8 }: MessageArguments): Promise<void> {
  if (literal.synchronising) await session.invite();
  let failure: unknown = null;
  for await (const piece of session.reader.literal(literal.size)) {
    if (failure !== null) continue;
    try {
      await spool.write(piece);
    } catch (error) {
      failure = error ?? new Error('spool failed');
    }
  }
  const { segment, literal: next } = await session.reader.rest();
  if (next !== null) await session.reader.refuseLiteral(next);
  if (failure !== null) throw failure;
  const rest = segment.octets.toString('latin1').trimEnd();
  if (next !== null || rest !== (utf8 ? ')' : '')) throw new SyntaxFailure('Unexpected arguments after the message');
}
