import { SyntaxFailure } from './errors.ts';
import { runFetch } from './fetch/run.ts';
import type { SelectedView } from './selected.ts';
import type { Session } from './session.ts';
import { formatSet, membership } from './sets.ts';
import { storeOf } from './state.ts';
import type { Parser, SequenceSet } from './wire/parser.ts';

/** What a client remembers of a mailbox: `(uidvalidity modseq [uids [(numbers uids)]])` (RFC 7162 section 3.2.5). */
export interface KnownState {
  readonly uidValidity: number;
  readonly modseq: number;
  /** UIDs that the client has; null when it did not say. */
  readonly uids: Exclude<SequenceSet, '$'> | null;
}

export function parseQresync(parser: Parser): KnownState {
  parser.open();
  const uidValidity = parser.number();
  parser.space();
  const modseq = parser.modseq();
  let uids: Exclude<SequenceSet, '$'> | null = null;
  while (parser.take(' ')) {
    if (parser.peek === '(') {
      // Numbers and UIDs that matched last time: only a means to say less, and Archivia knows all that vanished.
      parser.open();
      parser.sequenceSet();
      parser.space();
      parser.sequenceSet();
      parser.close();
      break;
    }
    if (uids !== null) throw new SyntaxFailure('Unexpected QRESYNC parameter');
    uids = plainSet(parser.sequenceSet());
  }
  parser.close();
  return { uidValidity, modseq, uids };
}

/**
 * Tells a client what it missed: VANISHED (EARLIER), then FETCH with flags of what changed. Nothing when it remembers
 * another UIDVALIDITY: it has to start anew.
 */
export async function resynchronise(session: Session, selected: SelectedView, known: KnownState): Promise<void> {
  if (known.uidValidity !== selected.uidValidity) return;
  const news = await storeOf(session).changes(selected.view, known.modseq);
  const has = known.uids === null ? () => true : membership(known.uids, 0);
  const gone = [...news.vanished].sort((a, b) => a - b);
  const told = gone.filter(uid => selected.numbering.numberOf(uid) === 0 && has(uid));
  if (told.length > 0) session.writer.line(`* VANISHED (EARLIER) ${formatSet(told)}`);
  const changed = [...news.changed, ...news.added]
    .map(message => message.uid)
    .filter(uid => has(uid))
    .sort((a, b) => a - b);
  const items = {
    uid: true,
    fields: [
      { kind: 'column', column: 'FLAGS' },
      { kind: 'column', column: 'MODSEQ' },
    ],
    columns: ['flags'],
    sections: [],
    marksSeen: false,
  } as const;
  await runFetch(
    session,
    selected,
    changed,
    { columns: items.columns, sections: [], markSeen: false },
    { items, withUid: true, withModseq: true },
  );
}

function plainSet(set: SequenceSet): Exclude<SequenceSet, '$'> {
  if (set === '$' || set.some(range => range.includes(null))) throw new SyntaxFailure('Known UIDs must be numbers');
  return set;
}
