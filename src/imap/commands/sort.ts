import { parseSort } from '../search/parse.ts';
import { answerSearch, searchContext } from '../search/run.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 5256 section 3, RFC 5957, with the RETURN of RFC 5267 section 3. */
export const sort = sortCommand('SORT');
export const uidSort = sortCommand('UID SORT');

function sortCommand(name: 'SORT' | 'UID SORT'): PlainCommand {
  const byUid = name === 'UID SORT';
  return {
    name,
    state: 'selected',
    mayExpunge: byUid,
    async run(session, parser, { tag }) {
      const selected = selectedOf(session);
      const request = parseSort(parser, searchContext(session, selected));
      await answerSearch(session, selected, request, { tag, byUid, response: 'SORT' }, () =>
        storeOf(session).sort(selected.view, request.criteria, request.keys, request.grades ?? []),
      );
      // Changes are told of searches only: CONTEXT=SORT is not offered (RFC 5267 section 4.3.1).
      if (request.returns?.update === true)
        session.writer.line(`* OK [NOUPDATE "${tag}"] No updates of sorted results.`);
      return { text: 'Sort completed.' };
    },
  };
}
