import { argumentsOf } from '../arguments.ts';
import { SyntaxFailure } from '../errors.ts';
import type { StreamingCommand } from './types.ts';

/** RFC 3501 section 6.2.1. The OK is told in clear text, everything after it under TLS. */
export const starttls: StreamingCommand = {
  name: 'STARTTLS',
  state: 'not-authenticated',
  mayExpunge: false,
  async stream(session, command) {
    argumentsOf(command).end();
    const handshake = session.startTls;
    if (handshake === null) throw new SyntaxFailure('TLS is not to be had here');
    session.writer.line(`${command.tag} OK Begin TLS negotiation now.`);
    await session.writer.flush();
    session.startTls = null;
    await handshake();
    return { alreadyTold: true };
  },
};
