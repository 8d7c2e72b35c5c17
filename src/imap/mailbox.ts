import { StoreError, type View } from '../store/types.ts';
import { argumentsOf } from './arguments.ts';
import { Refusal, SyntaxFailure } from './errors.ts';
import type { Session } from './session.ts';
import { namesOf, storeOf } from './state.ts';
import { isEmptyTransient } from './status.ts';
import type { Parser } from './wire/parser.ts';
import type { IncomingCommand } from './wire/reader.ts';

/**
 * Reads a command's first argument, a mailbox name, and nothing more: only that literal is taken from the wire, so
 * that what follows (a message in APPEND) can be streamed or forwarded.
 * @returns the command as far as it has been read, a parser behind the name, and the name's octets
 */
export async function mailboxArgument(
  session: Session,
  command: IncomingCommand,
): Promise<{ command: IncomingCommand; parser: Parser; mailbox: string }> {
  let current = command;
  const atLiteral = current.segments.length === 1 && current.literal !== null && endsBehindSpace(current);
  if (atLiteral) current = await session.reader.argument(current, session.invite);
  const parser = argumentsOf(current);
  parser.space();
  return { command: current, parser, mailbox: parser.astring() };
}

/** Only the command's name and a space stand before the literal. */
function endsBehindSpace(command: IncomingCommand): boolean {
  const text = command.segments[0]?.octets.length ?? 0;
  return text === command.tag.length + 1 + command.name.length + 1;
}

/**
 * The view of a mailbox name. It need not exist; a name that no view can have is refused.
 * @param octets the name as parsed
 */
export function viewNamed(session: Session, octets: string): View {
  const view = namesOf(session).view(session.decodeMailbox(octets));
  if (view === null) throw new Refusal('NONEXISTENT', 'La cartella non esiste.');
  return view;
}

export const NO_SUCH_FOLDER = 'La cartella non esiste: anni, mesi e categorie compaiono quando contengono messaggi.';

/** The same of a view that is there, and not only was while it held something. */
export async function existingView(session: Session, octets: string): Promise<View> {
  const view = viewNamed(session, octets);
  try {
    const [status] = await storeOf(session).status([view]);
    if (status !== undefined && !isEmptyTransient(view, status)) return view;
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'NONEXISTENT')) throw error;
  }
  throw new Refusal('NONEXISTENT', NO_SUCH_FOLDER);
}

const FORBIDDEN = /[\p{Cc}%*]/u;
const MAXIMUM_OCTETS = 1_000;
const MAXIMUM_LEVELS = 30;

/**
 * A name for a new local mailbox. A trailing delimiter only says that children are meant (RFC 3501 section 6.3.3).
 * Throws a Refusal where the name is in our trees or not fit to be one.
 */
export function newMailboxName(session: Session, octets: string): string {
  const names = namesOf(session);
  const name = session.decodeMailbox(octets).normalize('NFC').replace(/\/$/, '');
  if (names.inTrees(name)) {
    throw new Refusal('CANNOT', 'Le cartelle di Archivia si formano da sole: non si possono creare a mano.');
  }
  const levels = name.split('/');
  const unfit = FORBIDDEN.test(name) || levels.some(level => level === '' || level === '.' || level === '..');
  if (unfit || Buffer.byteLength(name) > MAXIMUM_OCTETS || levels.length > MAXIMUM_LEVELS) {
    throw new Refusal('CANNOT', 'Il nome della cartella non è valido.');
  }
  const view = names.view(name);
  if (view?.tree !== 'local') throw new SyntaxFailure('No local mailboxes here');
  return view.name;
}

/** An existing local mailbox that DELETE or RENAME is about. Throws a Refusal where the name is in our trees. */
export function localMailboxName(session: Session, octets: string): string {
  const name = session.decodeMailbox(octets);
  if (namesOf(session).inTrees(name)) {
    throw new Refusal(
      'CANNOT',
      'Le cartelle di Archivia non si possono eliminare o rinominare: nulla è stato toccato.',
    );
  }
  const view = namesOf(session).view(name);
  if (view?.tree !== 'local') throw new Refusal('NONEXISTENT', 'La cartella non esiste.');
  return view.name;
}
