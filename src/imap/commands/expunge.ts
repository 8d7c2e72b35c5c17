import { Refusal } from '../errors.ts';
import type { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { Completion, PlainCommand } from './types.ts';

/** RFC 3501 section 6.4.3. */
export const expunge: PlainCommand = {
  name: 'EXPUNGE',
  state: 'selected',
  mayExpunge: true,
  async run(session, parser) {
    parser.end();
    return run(session, selectedOf(session), null);
  },
};

/** RFC 4315 section 2.1. */
export const uidExpunge: PlainCommand = {
  name: 'UID EXPUNGE',
  state: 'selected',
  mayExpunge: true,
  async run(session, parser) {
    parser.space();
    const set = parser.sequenceSet();
    parser.end();
    const selected = selectedOf(session);
    return run(session, selected, selected.resolve(set, 'uid'));
  },
};

async function run(session: Session, selected: SelectedView, uids: readonly number[] | null): Promise<Completion> {
  refuseReadOnly(selected);
  if (uids !== null && uids.length === 0) return { text: 'Expunge completed.' };
  const removed = await storeOf(session).expunge(selected.view, uids);
  selected.ownRemoval(removed.uids);
  const code =
    session.enabled.has('QRESYNC') && removed.uids.length > 0 ? `HIGHESTMODSEQ ${removed.modseq}` : undefined;
  return { code, text: 'Expunge completed.' };
}

/** EXAMINE, and views that take no changes. */
export function refuseReadOnly(selected: SelectedView): void {
  if (selected.readOnly)
    throw new Refusal('READ-ONLY', 'La cartella è aperta in sola lettura: nulla è stato cambiato.');
}
