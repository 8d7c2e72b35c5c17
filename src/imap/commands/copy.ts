import { type CopyOutcome, StoreError, type View } from '../../store/types.ts';
import { lastArgument } from '../arguments.ts';
import { Refusal } from '../errors.ts';
import { viewNamed } from '../mailbox.ts';
import { formatSet } from '../sets.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { Parser, SequenceSet } from '../wire/parser.ts';
import { refuseReadOnly } from './expunge.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.4.7 with the COPYUID of RFC 4315. */
export const copy = copyCommand('COPY');
export const uidCopy = copyCommand('UID COPY');
/** RFC 6851. */
export const move = moveCommand('MOVE');
export const uidMove = moveCommand('UID MOVE');

const REQUESTED = 'Pacchetto di distribuzione richiesto: arriva tra poco come nuovo messaggio in questa cartella.';

function copyCommand(name: 'COPY' | 'UID COPY'): PlainCommand {
  return {
    name,
    state: 'selected',
    mayExpunge: true,
    async run(session, parser) {
      const { set, mailbox } = parseArguments(parser);
      const selected = selectedOf(session);
      const uids = selected.resolve(set, name === 'COPY' ? 'sequence' : 'uid');
      const destination = viewNamed(session, mailbox);
      if (uids.length === 0) return { text: 'No messages found.' };
      const outcome = await missingIsTryCreate(destination, storeOf(session).copy(selected.view, uids, destination));
      if (outcome.requested === true) return { text: REQUESTED };
      if (destination.tree === selected.view.tree) selected.mayHaveGrown();
      return { code: copyUid(outcome), text: outcome.pairs.length === 0 ? 'No messages found.' : 'Copy completed.' };
    },
  };
}

function moveCommand(name: 'MOVE' | 'UID MOVE'): PlainCommand {
  return {
    name,
    state: 'selected',
    mayExpunge: true,
    async run(session, parser) {
      const { set, mailbox } = parseArguments(parser);
      const selected = selectedOf(session);
      const uids = selected.resolve(set, name === 'MOVE' ? 'sequence' : 'uid');
      const destination = viewNamed(session, mailbox);
      if (uids.length === 0) return { text: 'No messages found.' };
      refuseReadOnly(selected);
      refuseSameTree(selected.view, destination);
      const outcome = await missingIsTryCreate(destination, storeOf(session).move(selected.view, uids, destination));
      if (outcome.pairs.length === 0) return { text: 'No messages found.' };
      session.writer.line(`* OK [${copyUid(outcome)}] Moved UIDs.`);
      selected.ownRemoval(outcome.pairs.map(pair => pair.source));
      return { text: 'Move completed.' };
    },
  };
}

function parseArguments(parser: Parser): { set: SequenceSet; mailbox: string } {
  parser.space();
  const set = parser.sequenceSet();
  const mailbox = lastArgument(parser);
  return { set, mailbox };
}

/** Within one tree a message's own date and kind say where it is: there is no other place to move it to. */
function refuseSameTree(source: View, destination: View): void {
  if (source.tree === 'local' || source.tree !== destination.tree || 'special' in destination) return;
  throw new Refusal(
    'CANNOT',
    "In Archivia ogni messaggio sta già nella cartella del suo mese e del suo tipo: non si può spostare in un'altra.",
  );
}

/** A client offers to make a local mailbox that is missing; of a view it would ask in vain. */
async function missingIsTryCreate(destination: View, work: Promise<CopyOutcome>): Promise<CopyOutcome> {
  try {
    return await work;
  } catch (error) {
    if (destination.tree === 'local' && error instanceof StoreError && error.code === 'NONEXISTENT') {
      throw new Refusal('TRYCREATE', 'La cartella non esiste.');
    }
    throw error;
  }
}

function copyUid({ uidValidity, pairs }: CopyOutcome): string | undefined {
  if (pairs.length === 0) return undefined;
  const sources = formatSet(pairs.map(pair => pair.source));
  const destinations = formatSet(pairs.map(pair => pair.destination));
  return `COPYUID ${uidValidity} ${sources} ${destinations}`;
}
