import { type AccountStore, type FetchedMessage, StoreError } from '../../store/types.ts';
import { Refusal } from '../errors.ts';
import { formatInternalDate } from '../internal-date.ts';
import type { Session } from '../session.ts';
import { type FolderStatus, folderStatus } from './folder-status.ts';
import { DOWN, type UpstreamLink } from './link.ts';
import { takeBack } from './take-back.ts';
import { type CommandPart, quotedOrLiteral, UpstreamGone } from './upstream.ts';

const PIECE = 512 * 1024;
/** Keywords that say something of the archive and nothing of the message in a mailbox. */
const ARCHIVE_KEYWORDS = /^\$(Conservato|Rifiutato|FirmaValida|FirmaNonValida)$/i;

/** Where a restore goes to. */
interface Destination {
  /** The name as an argument, as the client wrote it, in the encoding that both sides have agreed on. */
  readonly folder: readonly CommandPart[];
  /** Before the first message: what has a UID below is not ours to take back, whatever an upstream says of it. */
  readonly before: FolderStatus | null;
}

/** A message that the upstream has taken; `uid` null where it has not told where it is. */
interface Copy {
  readonly source: number;
  readonly uidValidity: number;
  readonly uid: number | null;
}

/**
 * Appends messages of the archive to an upstream folder, all or none: in one APPEND where the upstream takes several
 * (RFC 3502), else what it had taken before it refused one is taken back. Where that cannot be, the text of the
 * Refusal says how many there are.
 * @param mailbox octets of the name as the client wrote it
 */
export async function appendAll(
  session: Session,
  link: UpstreamLink,
  mailbox: string,
  messages: readonly FetchedMessage[],
): Promise<readonly Copy[]> {
  const { store } = session;
  if (store === null) throw new Error('session without store');
  const { upstream } = link;
  refuseTooLarge(upstream.capabilities, messages);
  const folder = quotedOrLiteral(Buffer.from(mailbox, 'latin1').toString('utf8'));
  const together = messages.length < 2 || upstream.capabilities.has('MULTIAPPEND');
  const copies: Copy[] = [];
  /** Messages of the APPEND whose answer is awaited. */
  let awaited = 0;
  let before: FolderStatus | null = null;
  try {
    if (!together && upstream.capabilities.has('UIDPLUS')) before = await folderStatus(upstream, folder);
    for (const run of together ? [messages] : messages.map(message => [message])) {
      awaited = run.length;
      const answer = await upstream.command([
        'APPEND ',
        ...folder,
        ...run.flatMap(message => messageParts(store, message)),
      ]);
      awaited = 0;
      if (answer.status !== 'OK') throw refusal(answer.text);
      copies.push(...copiesOf(run, answer.text));
    }
    return copies;
  } catch (error) {
    const lost = error instanceof UpstreamGone ? awaited : 0;
    if (copies.length + lost === 0) throw toldError(session, error);
    const left = await remaining(session, link, { folder, before }, copies);
    throw withRemains(toldError(session, error), { least: left.least, most: left.most + lost, of: messages.length });
  }
}

/** APPENDLIMIT (RFC 7889): what the upstream would refuse is refused before anything is appended. */
function refuseTooLarge(capabilities: ReadonlySet<string>, messages: readonly FetchedMessage[]): void {
  for (const name of capabilities) {
    const limit = Number(/^APPENDLIMIT=(\d+)$/.exec(name)?.[1] ?? Infinity);
    if (messages.some(({ size }) => size > limit))
      throw new Refusal('TOOBIG', `Il server del gestore non accetta messaggi di più di ${limit} byte.`);
  }
}

function copiesOf(run: readonly FetchedMessage[], answer: string): Copy[] {
  const [, validity = '', set = ''] = /^\[APPENDUID (\d+) ([\d:,]+)\]/i.exec(answer) ?? [];
  const uids = numbersOf(set, run.length);
  return run.map(({ uid }, index) => ({ source: uid, uidValidity: Number(validity), uid: uids[index] ?? null }));
}

interface Remains {
  readonly least: number;
  readonly most: number;
}

/** Takes copies back, over another connection where that one is lost. */
async function remaining(
  session: Session,
  link: UpstreamLink,
  { folder, before }: Destination,
  copies: readonly Copy[],
): Promise<Remains> {
  const ours = copies.flatMap(({ uid, uidValidity }) =>
    uid !== null && before !== null && uid >= before.uidNext && uidValidity === before.uidValidity ? [uid] : [],
  );
  const others = copies.length - ours.length;
  if (before === null || ours.length === 0) return { least: others, most: others };
  try {
    const upstream = link.upstream.usable ? link.upstream : await link.reconnect();
    const left = await takeBack(upstream, folder, { uidValidity: before.uidValidity, uids: new Set(ours) });
    return { least: others + left, most: others + left };
  } catch (error) {
    session.logger.warn({ err: error }, 'copies not taken back');
    return { least: others, most: copies.length };
  }
}

function messageParts(store: AccountStore, message: FetchedMessage): CommandPart[] {
  const flags = message.flags.filter(flag => !ARCHIVE_KEYWORDS.test(flag) && !/^\\(Recent|Deleted)$/i.test(flag));
  async function* content(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < message.size; start += PIECE) {
      yield await store.read(message.message, start, Math.min(PIECE, message.size - start));
    }
  }
  const date = formatInternalDate(message.internalDate);
  return [` (${flags.join(' ')}) "${date}" `, { size: message.size, content: content() }];
}

/** The numbers of a set that names so many; none of another. */
function numbersOf(set: string, count: number): number[] {
  const numbers: number[] = [];
  for (const range of set.split(',').filter(each => each !== '')) {
    const [first = 0, last = first] = range.split(':').map(Number);
    if (last < first || numbers.length + last - first + 1 > count) return [];
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return numbers.length === count ? numbers : [];
}

function refusal(text: string): Refusal {
  const code = /^\[(TRYCREATE|OVERQUOTA|TOOBIG|LIMIT|NONEXISTENT|NOPERM|CANNOT|UNAVAILABLE)\]/i.exec(text)?.[1];
  const reason = text.replace(/^\[[^\]]*\] ?/, '');
  return new Refusal(code?.toUpperCase() ?? null, `Il server del gestore non ha accettato il messaggio: ${reason}`);
}

/** What the client is told of an error, whatever it is. */
function toldError(session: Session, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof UpstreamGone) return new Refusal('UNAVAILABLE', DOWN);
  session.logger.error({ err: error }, 'restore failed');
  if (error instanceof StoreError && error.code !== 'SERVERBUG') return new Refusal(error.code, error.message);
  return new Refusal('SERVERBUG', 'Errore interno: i messaggi non sono stati copiati.');
}

function withRemains({ code, message }: Refusal, { least, most, of }: Remains & { readonly of: number }): Refusal {
  const sentence = /[.!?:]$/.test(message) ? message : `${message}.`;
  const remains =
    most === 0
      ? 'Nella cartella di destinazione non ne resta nessuna copia.'
      : `Copie che restano nella cartella di destinazione: ${least === most ? most : `da ${least} a ${most}`} (messaggi: ${of}).`;
  return new Refusal(code, `${sentence} ${remains}`);
}
