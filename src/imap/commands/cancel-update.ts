import { SyntaxFailure } from '../errors.ts';
import { selectedOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 5267 section 4.2: ends the updates of searches by their tags. */
export const cancelUpdate: PlainCommand = {
  name: 'CANCELUPDATE',
  state: 'selected',
  mayExpunge: true,
  async run(session, parser) {
    const tags: string[] = [];
    while (parser.take(' ')) tags.push(parser.string());
    parser.end();
    if (tags.length === 0) throw new SyntaxFailure('No tag');
    const { contexts } = selectedOf(session);
    const unknown = tags.filter(tag => !contexts.cancel(tag));
    if (unknown.length > 0) throw new SyntaxFailure('No such updated search');
    return { text: 'No more updates.' };
  },
};
