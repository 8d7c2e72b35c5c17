import { StoreError } from '../../store/types.ts';
import type { Session } from '../session.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.4.1: the view's news are told by the dispatcher. */
export const check: PlainCommand = {
  name: 'CHECK',
  state: 'selected',
  mayExpunge: true,
  async run(_session, parser) {
    parser.end();
    return { text: 'Check completed.' };
  },
};

/**
 * RFC 3501 section 6.4.2. Removes what is marked \Deleted by the same rules as EXPUNGE; where the view forbids it
 * nothing is removed, and the mailbox is closed all the same: mbsync ends every visit with CLOSE.
 */
export const close: PlainCommand = {
  name: 'CLOSE',
  state: 'selected',
  mayExpunge: true,
  async run(session, parser) {
    parser.end();
    const selected = selectedOf(session);
    if (!selected.readOnly) {
      try {
        await storeOf(session).expunge(selected.view, null);
      } catch (error) {
        if (!(error instanceof StoreError && (error.code === 'CANNOT' || error.code === 'NONEXISTENT'))) throw error;
      }
    }
    leave(session);
    return { text: 'Close completed.' };
  },
};

/** RFC 3691. */
export const unselect: PlainCommand = {
  name: 'UNSELECT',
  state: 'selected',
  mayExpunge: true,
  async run(session, parser) {
    parser.end();
    leave(session);
    return { text: 'Unselect completed.' };
  },
};

function leave(session: Session): void {
  session.selected?.close();
  session.selected = null;
}
