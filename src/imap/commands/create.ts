import { Refusal, SyntaxFailure } from '../errors.ts';
import { newMailboxName } from '../mailbox.ts';
import type { Session } from '../session.ts';
import { namesOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

const SPECIAL_USES = ['\\All', '\\Archive', '\\Drafts', '\\Flagged', '\\Junk', '\\Sent', '\\Trash'];

/** RFC 3501 section 6.3.3, with the special use of RFC 6154. */
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
    return { text: 'Create completed.' };
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
