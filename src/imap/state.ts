import type { AccountStore } from '../store/types.ts';
import { SyntaxFailure } from './errors.ts';
import type { ViewNames } from './names.ts';
import type { SelectedView } from './selected.ts';
import type { Session } from './session.ts';

/** What the dispatcher has made sure of by a command's state, as types. */

export function storeOf(session: Session): AccountStore {
  if (session.store === null) throw new SyntaxFailure('Not logged in');
  return session.store;
}

export function namesOf(session: Session): ViewNames {
  if (session.names === null) throw new SyntaxFailure('Not logged in');
  return session.names;
}

export function selectedOf(session: Session): SelectedView {
  if (session.selected === null) throw new SyntaxFailure('No mailbox selected');
  return session.selected;
}
