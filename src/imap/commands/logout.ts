import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.1.3. The upstream is told when the connection closes. */
export const logout: PlainCommand = {
  name: 'LOGOUT',
  state: 'any',
  mayExpunge: false,
  async run(session, parser) {
    parser.end();
    session.writer.line('* BYE Logging out');
    session.loggedOut = true;
    await session.selected?.close();
    session.selected = null;
    return { text: 'Logout completed.' };
  },
};
