import type { PlainCommand } from './types.ts';

/** RFC 2971. Answered on our own hop: what a client says of itself is not for the upstream, and the other way round. */
export const id: PlainCommand = {
  name: 'ID',
  state: 'any',
  mayExpunge: true,
  async run(session, parser) {
    parser.space();
    if (parser.peek === '(') {
      const fields = parser.list(() => parser.nstring());
      session.logger.debug({ client: fields.slice(0, 60).map(field => field?.slice(0, 200)) }, 'client id');
    } else if (parser.nstring() !== null) {
      parser.expect('(');
    }
    parser.end();
    session.writer.line('* ID ("name" "Archivia")');
    return { text: 'ID completed.' };
  },
};
