import { lastArgument } from '../arguments.ts';
import { Refusal } from '../errors.ts';
import { ownListLines } from '../list/index.ts';
import { localMailboxName, newMailboxName } from '../mailbox.ts';
import type { Session } from '../session.ts';
import { namesOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** Messages of INBOX that change place in one transaction. */
const RUN = 500;

/** RFC 3501 section 6.3.5. */
export const rename: PlainCommand = {
  name: 'RENAME',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    parser.space();
    const source = parser.astring();
    const target = lastArgument(parser);
    if ([source, target].some(name => namesOf(session).inTrees(session.decodeMailbox(name)))) {
      throw new Refusal(
        'CANNOT',
        'Le cartelle di Archivia si formano da sole: il loro nome non si può cambiare né prendere.',
      );
    }
    const from = localMailboxName(session, source);
    const to = newMailboxName(session, target);
    if (to === 'INBOX') throw new Refusal('ALREADYEXISTS', 'La cartella esiste già.');
    if (to.startsWith(`${from}/`)) throw new Refusal('CANNOT', 'Una cartella non può finire dentro se stessa.');
    if (from === 'INBOX') {
      await emptyInbox(session, to);
    } else {
      await storeOf(session).renameMailbox(from, to);
      follow(session, from, to);
    }
    if (session.rev2 && from !== 'INBOX') {
      for (const line of await ownListLines(session, { tree: 'local', name: to }, from)) session.writer.line(line);
    }
    return { text: 'Rename completed.' };
  },
};

/** INBOX stays, its messages go. */
async function emptyInbox(session: Session, to: string): Promise<void> {
  const store = storeOf(session);
  const inbox = { tree: 'local', name: 'INBOX' } as const;
  await store.createMailbox(to);
  const { uids } = await store.open(inbox, { readOnly: true });
  for (let from = 0; from < uids.length; from += RUN) {
    await store.move(inbox, [...uids.subarray(from, from + RUN)], { tree: 'local', name: to });
  }
}

/** What is selected here stays selected under its new name. */
function follow(session: Session, from: string, to: string): void {
  const { selected } = session;
  if (selected?.view.tree !== 'local') return;
  const { name } = selected.view;
  if (name === from || name.startsWith(`${from}/`)) {
    selected.renamed({ tree: 'local', name: to + name.slice(from.length) });
  }
}
