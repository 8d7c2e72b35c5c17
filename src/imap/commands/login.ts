import { lastArgument } from '../arguments.ts';
import { capabilityCode } from '../capabilities.ts';
import { Refusal } from '../errors.ts';
import { logIn } from '../login.ts';
import { utf8 } from '../wire/parser.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.2.3. */
export const login: PlainCommand = {
  name: 'LOGIN',
  state: 'not-authenticated',
  mayExpunge: false,
  async run(session, parser) {
    if (!session.secure) throw new Refusal('PRIVACYREQUIRED', 'Serve una connessione protetta (TLS).');
    parser.space();
    const user = parser.astring();
    const password = lastArgument(parser);
    // Clients write non-ASCII passwords in UTF-8 or, older ones, in Latin-1.
    await logIn(session, utf8(user) ?? user, utf8(password) ?? password);
    return { code: capabilityCode(session).slice(1, -1), text: 'Logged in.' };
  },
};
