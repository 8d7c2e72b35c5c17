import { capabilityText } from '../capabilities.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.1.1. */
export const capability: PlainCommand = {
  name: 'CAPABILITY',
  state: 'any',
  mayExpunge: true,
  async run(session, parser) {
    parser.end();
    session.writer.line(`* ${capabilityText(session)}`);
    return { text: 'Capability completed.' };
  },
};
