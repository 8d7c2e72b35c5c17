import { argumentsOf } from '../arguments.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import type { StreamingCommand } from './types.ts';

/** RFC 4978. Ends on our own hop: the upstream's octets are compressed for the client like our own. */
export const compress: StreamingCommand = {
  name: 'COMPRESS',
  state: 'authenticated',
  mayExpunge: false,
  async stream(session, command) {
    const parser = argumentsOf(await session.reader.complete(command, session.invite));
    parser.space();
    const mechanism = parser.keyword();
    parser.end();
    if (mechanism !== 'DEFLATE') throw new SyntaxFailure('Unknown compression mechanism');
    const { startCompression } = session;
    if (startCompression === null) throw new Refusal('COMPRESSIONACTIVE', 'La compressione è già attiva.');
    // Nothing may come between this line in clear and the first compressed octet.
    await session.writer.flush();
    session.startCompression = null;
    session.writer.line(`${command.tag} OK DEFLATE active.`);
    startCompression();
    return { alreadyTold: true };
  },
};
