import type { AccountStore, FetchedMessage } from '../../store/types.ts';
import { argumentsOf } from '../arguments.ts';
import type { Completion } from '../commands/types.ts';
import { Refusal } from '../errors.ts';
import { formatInternalDate } from '../internal-date.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { type CommandPart, quotedOrLiteral, type TaggedAnswer, type UpstreamConnection } from './upstream.ts';

const PIECE = 512 * 1024;
/** Keywords that say something of the archive and nothing of the message in a mailbox. */
const ARCHIVE_KEYWORDS = /^\$(Conservato|Rifiutato|FirmaValida|FirmaNonValida)$/i;

/**
 * COPY and MOVE from a view to an upstream folder: a restore. Each message is appended byte for byte, with its flags
 * and INTERNALDATE; a MOVE removes it from the view only when all have been accepted upstream. Where the upstream takes
 * several in one APPEND (RFC 3502), it takes all or none.
 */
export async function copyToUpstream(
  session: Session,
  upstream: UpstreamConnection,
  command: IncomingCommand,
): Promise<Completion> {
  const { selected, store } = session;
  if (selected === null || store === null) throw new Error('no view selected');
  const move = command.name.endsWith('MOVE');
  const parser = argumentsOf(command);
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const mailbox = parser.astring();
  parser.end();
  const uids = selected.resolve(set, command.name.startsWith('UID ') ? 'uid' : 'sequence');
  if (uids.length === 0) return { text: 'No messages found.' };
  const request = { columns: ['flags', 'internalDate', 'size'] as const, sections: [], markSeen: false };
  const messages = await store.fetch(selected.view, uids, request);
  if (move) checkMayLeave(selected.view.tree, messages);
  const appended: { source: number; validity: number; uid: number }[] = [];
  const runs = upstream.capabilities.has('MULTIAPPEND') ? [messages] : messages.map(message => [message]);
  for (const run of runs.filter(each => each.length > 0)) {
    const answer = await append(session, upstream, mailbox, run);
    if (answer.status !== 'OK') throw refusal(answer.text);
    const [, validity = '', set = ''] = /^\[APPENDUID (\d+) ([\d:,]+)\]/i.exec(answer.text) ?? [];
    const uids = numbersOf(set, run.length);
    for (const [index, uid] of uids.entries()) {
      appended.push({ source: run[index]?.uid ?? 0, validity: Number(validity), uid });
    }
  }
  const told = appended.length === messages.length && new Set(appended.map(one => one.validity)).size === 1;
  const code = told
    ? `COPYUID ${appended[0]?.validity} ${formatSet(appended.map(one => one.source))} ${formatSet(appended.map(one => one.uid))}`
    : undefined;
  if (!move) return { code, text: 'Copy completed.' };
  if (code !== undefined) session.writer.line(`* OK [${code}] Moved UIDs.`);
  const moved = messages.map(message => message.uid);
  await store.remove(selected.view, moved);
  selected.ownRemoval(moved);
  return { text: 'Move completed.' };
}

/** What the tree would refuse is refused before anything is appended upstream. */
function checkMayLeave(tree: string, messages: readonly FetchedMessage[]): void {
  if (tree === 'watch') {
    throw new Refusal(
      'CANNOT',
      'Da questa cartella i messaggi escono da soli: si eliminano o si spostano da Archivio.',
    );
  }
  const conserved = messages.some(message => message.flags.some(flag => flag.toLowerCase() === '$conservato'));
  if (tree !== 'conservation' && !conserved) return;
  throw new Refusal(
    'CANNOT',
    "I messaggi conservati non si possono spostare né eliminare: si possono copiare in un'altra cartella.",
  );
}

async function append(
  session: Session,
  upstream: UpstreamConnection,
  mailbox: string,
  messages: readonly FetchedMessage[],
): Promise<TaggedAnswer> {
  const { store } = session;
  if (store === null) throw new Error('session without store');
  return upstream.command([
    'APPEND ',
    // The name goes on as the client wrote it, in the encoding that both sides have agreed on.
    ...quotedOrLiteral(Buffer.from(mailbox, 'latin1').toString('utf8')),
    ...messages.flatMap(message => messageParts(store, message)),
  ]);
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
