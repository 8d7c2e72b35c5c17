import { enableCondstore } from '../condstore.ts';
import { SyntaxFailure } from '../errors.ts';
import type { PlainCommand } from './types.ts';

/** Extensions that a client switches on (RFC 5161). */
const ENABLED_BY_REQUEST = ['CONDSTORE', 'QRESYNC', 'UTF8=ACCEPT', 'IMAP4REV2'];

/** RFC 5161. What is not known is passed over; what was on already is not told again. */
export const enable: PlainCommand = {
  name: 'ENABLE',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    const asked: string[] = [];
    while (parser.take(' ')) {
      if (parser.atEnd) break;
      asked.push(parser.keyword());
    }
    parser.end();
    if (asked.length === 0) throw new SyntaxFailure('Nothing to enable');
    const switched = asked.filter(
      (name, index) => ENABLED_BY_REQUEST.includes(name) && !session.enabled.has(name) && asked.indexOf(name) === index,
    );
    session.writer.line(`* ENABLED${switched.map(name => ` ${name === 'IMAP4REV2' ? 'IMAP4rev2' : name}`).join('')}`);
    // QRESYNC includes CONDSTORE (RFC 7162 section 3.2.3).
    if (switched.includes('CONDSTORE') || switched.includes('QRESYNC')) enableCondstore(session);
    for (const name of switched) session.enabled.add(name);
    return { text: 'Enable completed.' };
  },
};
