import { type FetchedMessage, StoreError } from '../../store/types.ts';
import { argumentsOf, lastArgument } from '../arguments.ts';
import type { Completion } from '../commands/types.ts';
import { Refusal } from '../errors.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { appendAll } from './append-all.ts';
import type { UpstreamLink } from './link.ts';

/**
 * COPY and MOVE from a view to an upstream folder: a restore. Each message is appended byte for byte, with its flags
 * and INTERNALDATE; a MOVE removes it from the view only when all have been accepted upstream. All or none are copied
 * (RFC 3501 section 6.4.7): in one APPEND where the upstream takes several (RFC 3502), else what it had taken before
 * it refused one is taken back, and where it cannot be, the answer says how many there are.
 */
export async function copyToUpstream(
  session: Session,
  link: UpstreamLink,
  command: IncomingCommand,
): Promise<Completion> {
  const { selected, store } = session;
  if (selected === null || store === null) throw new Error('no view selected');
  const move = command.name.endsWith('MOVE');
  const parser = argumentsOf(command);
  parser.space();
  const set = parser.sequenceSet();
  const mailbox = lastArgument(parser);
  const uids = selected.resolve(set, command.name.startsWith('UID ') ? 'uid' : 'sequence');
  if (uids.length === 0) return { text: 'No messages found.' };
  const request = { columns: ['flags', 'internalDate', 'size'] as const, sections: [], markSeen: false };
  const messages = await store.fetch(selected.view, uids, request);
  if (move) checkMayLeave(selected.view.tree, messages);
  const copies = await appendAll(session, link, mailbox, messages);
  const told = copies.flatMap(({ uid }) => uid ?? []);
  const [first] = copies;
  const code =
    first !== undefined && told.length === copies.length && copies.every(copy => copy.uidValidity === first.uidValidity)
      ? `COPYUID ${first.uidValidity} ${formatSet(copies.map(copy => copy.source))} ${formatSet(told)}`
      : undefined;
  if (!move) return { code, text: 'Copy completed.' };
  if (code !== undefined) session.writer.line(`* OK [${code}] Moved UIDs.`);
  const moved = messages.map(message => message.uid);
  await store.remove(selected.view, moved).catch(error => {
    if (!(error instanceof StoreError) || error.code === 'SERVERBUG') throw error;
    throw new Refusal(
      error.code,
      `I messaggi sono stati copiati, ma restano anche in questa cartella: ${error.message}`,
    );
  });
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
