import { Refusal, SyntaxFailure } from '../errors.ts';
import { ownListLines } from '../list/index.ts';
import { newMailboxName } from '../mailbox.ts';
import type { Session } from '../session.ts';
import { namesOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

const SPECIAL_USES = ['\\All', '\\Archive', '\\Drafts', '\\Flagged', '\\Junk', '\\Sent', '\\Trash'];

/** RFC 3501 section 6.3.3, with the special use of RFC 6154 and the MAILBOXID of RFC 8474. */
export const create: PlainCommand = {
  name: 'CREATE',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    parser.space();
    const mailbox = parser.astring();
    let use: string | undefined;
    if (parser.take(' ')) {
      parser.open();
      if (parser.keyword() !== 'USE') throw new SyntaxFailure('Expected USE');
      parser.space();
      const uses = parser.list(() => parser.flag());
      parser.close();
      use = SPECIAL_USES.find(known => known.toLowerCase() === uses[0]?.toLowerCase());
      if (uses.length !== 1 || use === undefined) throw new Refusal('USEATTR', 'Uso speciale non disponibile.');
    }
    parser.end();
    await refuseExistingView(session, mailbox);
    const name = newMailboxName(session, mailbox);
    if (name === 'INBOX') throw new Refusal('ALREADYEXISTS', 'La cartella esiste già.');
    await storeOf(session).createMailbox(name, use);
    const asked = session.decodeMailbox(mailbox);
    if (session.rev2 && asked.replace(/\/$/, '') !== name) {
      for (const line of await ownListLines(session, { tree: 'local', name }, asked)) session.writer.line(line);
    }
    const [status] = await storeOf(session).status([{ tree: 'local', name }]);
    return { code: status && `MAILBOXID (${status.mailboxId})`, text: 'Create completed.' };
  },
};

/** A view that is there gets the answer that it is there, rather than that it cannot be made. */
async function refuseExistingView(session: Session, octets: string): Promise<void> {
  const names = namesOf(session);
  const name = session.decodeMailbox(octets).normalize('NFC');
  if (!names.inTrees(name)) return;
  const listings = await storeOf(session).listViews();
  if (listings.some(listing => listing.view.tree !== 'local' && names.name(listing.view) === name)) {
    throw new Refusal('ALREADYEXISTS', 'La cartella esiste già.');
  }
}
