import { enableCondstore } from '../condstore.ts';
import { Refusal } from '../errors.ts';
import { NO_SUCH_FOLDER, viewNamed } from '../mailbox.ts';
import { namesOf, storeOf } from '../state.ts';
import { completeStatus, isEmptyTransient, parseStatusItems, statusLine } from '../status.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.3.10. */
export const status: PlainCommand = {
  name: 'STATUS',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    parser.space();
    const mailbox = parser.astring();
    parser.space();
    const items = parseStatusItems(parser);
    parser.end();
    const view = viewNamed(session, mailbox);
    const [answer] = await storeOf(session).status([view]);
    if (answer === undefined || isEmptyTransient(view, answer)) throw new Refusal('NONEXISTENT', NO_SUCH_FOLDER);
    if (items.includes('HIGHESTMODSEQ')) enableCondstore(session);
    const told = await completeStatus(session, view, answer, items);
    session.writer.line(statusLine(session, namesOf(session).name(view), told, items));
    return { text: 'Status completed.' };
  },
};
