import { parseSearch } from '../search/parse.ts';
import { answerSearch, searchContext } from '../search/run.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.4.4, RFC 4731, RFC 5032, RFC 5182, RFC 5267. */
export const search = searchCommand('SEARCH');
/** RFC 3501 section 6.4.8. */
export const uidSearch = searchCommand('UID SEARCH');

function searchCommand(name: 'SEARCH' | 'UID SEARCH'): PlainCommand {
  const byUid = name === 'UID SEARCH';
  return {
    name,
    state: 'selected',
    mayExpunge: byUid,
    async run(session, parser, { tag }) {
      const selected = selectedOf(session);
      const request = parseSearch(parser, searchContext(session, selected));
      const { criteria, returns, momentary } = request;
      const uids = await answerSearch(session, selected, request, { tag, byUid, response: 'SEARCH' }, () =>
        storeOf(session).search(selected.view, criteria),
      );
      if (returns?.update === true && (momentary || !selected.contexts.add(tag, { criteria, byUid, uids }))) {
        session.writer.line(`* OK [NOUPDATE "${tag}"] No updates of this search.`);
      }
      return { text: 'Search completed.' };
    },
  };
}
