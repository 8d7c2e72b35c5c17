import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.1.2: the view's news are told by the dispatcher. */
export const noop: PlainCommand = {
  name: 'NOOP',
  state: 'any',
  mayExpunge: true,
  async run(_session, parser) {
    parser.end();
    return { text: 'NOOP completed.' };
  },
};
