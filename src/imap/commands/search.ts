import type { FetchedMessage } from '../../store/types.ts';
import { enableCondstore } from '../condstore.ts';
import { parseSearch, type ReturnOption, type SearchRequest } from '../search/parse.ts';
import type { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** A sign of life while a search takes long: clients give up after 20 to 100 seconds of silence. */
const STILL_HERE_MILLISECONDS = 15_000;
/** Messages whose MODSEQ is asked for at a time. */
const ROWS = 1_000;

/** RFC 3501 section 6.4.4, RFC 4731, RFC 5032, RFC 5182. */
export const search = searchCommand('SEARCH');
/** RFC 3501 section 6.4.8. */
export const uidSearch = searchCommand('UID SEARCH');

function searchCommand(name: 'SEARCH' | 'UID SEARCH'): PlainCommand {
  const byUid = name === 'UID SEARCH';
  return {
    name,
    state: 'selected',
    mayExpunge: byUid,
    async run(session, parser, command) {
      const selected = selectedOf(session);
      const request = parseSearch(parser, {
        ranges: (set, numbers) => selected.resolveRanges(set, numbers),
        utf8Only: session.enabled.has('UTF8=ACCEPT'),
      });
      if (request.modseq) enableCondstore(session);
      const uids = await findings(session, selected, request);
      const modseq = request.modseq && uids.length > 0 ? await highestModseq(session, selected, uids) : null;
      const numbers = byUid ? uids : uids.map(uid => selected.numbering.numberOf(uid));
      const { returns } = request;
      if (returns === null) {
        const list = numbers.length === 0 ? '' : ` ${numbers.join(' ')}`;
        session.writer.line(`* SEARCH${list}${modseq === null ? '' : ` (MODSEQ ${modseq})`}`);
      } else {
        if (returns.has('SAVE')) selected.savedResult = saved(uids, returns);
        const data = esearchData(numbers, returns, modseq);
        if (data !== null) session.writer.line(`* ESEARCH (TAG "${command.tag}")${byUid ? ' UID' : ''}${data}`);
      }
      return { text: 'Search completed.' };
    },
  };
}

/** UIDs that match, ascending; only those that the client has been told of. */
async function findings(session: Session, selected: SelectedView, request: SearchRequest): Promise<number[]> {
  const alive = setInterval(() => {
    session.writer.line('* OK Searching...');
    session.writer.flush().catch(() => {});
  }, STILL_HERE_MILLISECONDS);
  try {
    const uids = await storeOf(session).search(selected.view, request.criteria);
    return Array.from(uids).filter(uid => selected.numbering.numberOf(uid) !== 0);
  } catch (error) {
    // A SEARCH (SAVE) that fails leaves nothing saved (RFC 5182 section 2.1).
    if (request.returns?.has('SAVE') === true) selected.savedResult = [];
    throw error;
  } finally {
    clearInterval(alive);
  }
}

/** What `$` stands for: with MIN or MAX alone only those (RFC 5182 section 2.4). */
function saved(uids: readonly number[], returns: ReadonlySet<ReturnOption>): readonly number[] {
  const narrow = (returns.has('MIN') || returns.has('MAX')) && !returns.has('ALL') && !returns.has('COUNT');
  if (!narrow) return uids;
  const ends: number[] = [];
  const [first, last] = [uids[0], uids.at(-1)];
  if (returns.has('MIN') && first !== undefined) ends.push(first);
  if (returns.has('MAX') && last !== undefined && last !== ends[0]) ends.push(last);
  return ends;
}

/** What follows the correlator; null when only SAVE was asked for, which has no answer of its own. */
function esearchData(
  numbers: readonly number[],
  returns: ReadonlySet<ReturnOption>,
  modseq: number | null,
): string | null {
  if (returns.size === 1 && returns.has('SAVE')) return null;
  let data = '';
  if (numbers.length > 0) {
    if (returns.has('MIN')) data += ` MIN ${numbers[0]}`;
    if (returns.has('MAX')) data += ` MAX ${numbers.at(-1)}`;
  }
  if (returns.has('COUNT')) data += ` COUNT ${numbers.length}`;
  if (returns.has('ALL') && numbers.length > 0) data += ` ALL ${formatSet(numbers)}`;
  if (modseq !== null) data += ` MODSEQ ${modseq}`;
  return data;
}

async function highestModseq(session: Session, selected: SelectedView, uids: readonly number[]): Promise<number> {
  let highest = 0;
  for (let from = 0; from < uids.length; from += ROWS) {
    const rows: readonly FetchedMessage[] = await storeOf(session).fetch(selected.view, uids.slice(from, from + ROWS), {
      columns: [],
      sections: [],
      markSeen: false,
    });
    for (const row of rows) highest = Math.max(highest, row.modseq);
  }
  return highest;
}
