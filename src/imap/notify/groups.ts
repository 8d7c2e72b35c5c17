import type { ViewListing } from '../../store/types.ts';
import type { Session } from '../session.ts';
import { namesOf } from '../state.ts';
import { type EventGroup, type Filter, isSelected, type NotifyRequest } from './request.ts';

/** The group that a mailbox falls under: the first that fits, as written (RFC 5465 section 6). */
export type GroupOf = (name: string, listing: Pick<ViewListing, 'view' | 'subscribed'>) => EventGroup | null;

/** @returns how to find a mailbox's group; names are decoded once */
export function groupFinder(session: Session, request: NotifyRequest): GroupOf {
  const tests = request.groups
    .filter(group => !isSelected(group.filter))
    .map(group => ({ group, test: filterTest(session, group.filter) }));
  return (name, listing) => tests.find(({ test }) => test(name, listing))?.group ?? null;
}

function filterTest(session: Session, filter: Filter): (...parameters: Parameters<GroupOf>) => boolean {
  switch (filter.kind) {
    case 'personal':
      return () => true;
    case 'subscribed':
      return (_name, { subscribed }) => subscribed;
    // What a delivery agent may fill: the trees are filled by the archiver, with copies of what INBOX has told.
    case 'inboxes':
      return (_name, { view }) => view.tree === 'local' && view.name === 'INBOX';
    case 'mailboxes': {
      const wanted = new Set(decoded(session, filter.names));
      return name => wanted.has(name);
    }
    case 'subtree': {
      const { delimiter } = namesOf(session);
      const roots = decoded(session, filter.names).map(root => (root.endsWith(delimiter) ? root.slice(0, -1) : root));
      return name => roots.some(root => root === '' || name === root || name.startsWith(root + delimiter));
    }
    default:
      return () => false;
  }
}

/** Names as our listing spells them. */
function decoded(session: Session, names: readonly string[]): string[] {
  return names.map(octets => {
    const name = session.decodeMailbox(octets).normalize('NFC');
    const view = namesOf(session).view(name);
    return view === null ? name : namesOf(session).name(view);
  });
}
