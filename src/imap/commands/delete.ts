import { lastArgument } from '../arguments.ts';
import { Refusal } from '../errors.ts';
import { localMailboxName } from '../mailbox.ts';
import { storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.3.4. `delete` alone is a word of the language. */
export const deleteMailbox: PlainCommand = {
  name: 'DELETE',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    const mailbox = lastArgument(parser);
    const name = localMailboxName(session, mailbox);
    if (name === 'INBOX') throw new Refusal('CANNOT', 'La posta in arrivo non si può eliminare.');
    await storeOf(session).deleteMailbox(name);
    const { selected } = session;
    if (selected?.view.tree === 'local' && selected.view.name === name) {
      selected.close();
      session.selected = null;
      session.writer.line('* OK [CLOSED] Mailbox deleted.');
    }
    return { text: 'Delete completed.' };
  },
};
