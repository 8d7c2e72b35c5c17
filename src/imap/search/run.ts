import type { SearchCriteria } from '../../store/criteria.ts';
import type { FetchedMessage } from '../../store/types.ts';
import { enableCondstore } from '../condstore.ts';
import type { SelectedView } from '../selected.ts';
import type { Session } from '../session.ts';
import { storeOf } from '../state.ts';
import type { SearchContext, SearchRequest } from './parse.ts';
import { esearchData, namedUids, RETURN_ALL, savedUids } from './returns.ts';

/** Messages whose MODSEQ is asked for at a time. */
const ROWS = 1_000;

/** How a command's results are told. */
export interface Telling {
  readonly tag: string;
  readonly byUid: boolean;
  /** `SEARCH` or `SORT`: the name of the response without RETURN. */
  readonly response: 'SEARCH' | 'SORT';
}

export function searchContext(session: Session, selected: SelectedView): SearchContext {
  return {
    ranges: (set, numbers) => selected.resolveRanges(set, numbers),
    utf8Only: session.enabled.has('UTF8=ACCEPT'),
  };
}

/** Runs a search and tells its results; UIDs that the client has not been told of are left out. */
export async function answerSearch(
  session: Session,
  selected: SelectedView,
  request: SearchRequest,
  telling: Telling,
  find: () => Promise<Uint32Array>,
): Promise<readonly number[]> {
  const returns = request.returns ?? (session.rev2 && telling.response === 'SEARCH' ? RETURN_ALL : null);
  if (returns?.update === true) selected.contexts.checkTag(telling.tag);
  if (request.modseq) enableCondstore(session);
  let uids: number[];
  try {
    const found = await find();
    uids = Array.from(found).filter(uid => selected.numbering.numberOf(uid) !== 0);
  } catch (error) {
    // A SEARCH (SAVE) that fails leaves nothing saved (RFC 5182 section 2.1).
    if (returns?.save === true) selected.savedResult = [];
    throw error;
  }
  const named = request.modseq ? (returns === null ? uids : [...namedUids(uids, returns)]) : [];
  const modseq = named.length > 0 ? await highestModseq(session, selected, named) : null;
  const numbers = telling.byUid ? uids : uids.map(uid => selected.numbering.numberOf(uid));
  if (returns === null) {
    const list = numbers.length === 0 ? '' : ` ${numbers.join(' ')}`;
    session.writer.line(`* ${telling.response}${list}${modseq === null ? '' : ` (MODSEQ ${modseq})`}`);
    return uids;
  }
  if (returns.save) selected.savedResult = savedUids(uids, returns);
  const scores = returns.relevancy ? await relevancies(session, selected, request, uids) : null;
  const data = esearchData({ uids, numbers, scores }, returns, modseq);
  if (data !== null) session.writer.line(`* ESEARCH (TAG "${telling.tag}")${telling.byUid ? ' UID' : ''}${data}`);
  return uids;
}

/** RFC 6203 section 4: 1 to 100. The text as it was written, its words anywhere, other forms of them. */
const GRADE_SCORES = [100, 70];
const LOOSE_SCORE = 40;

/** How well each result fits, by the strictest meaning of the search that it meets. */
async function relevancies(
  session: Session,
  selected: SelectedView,
  request: SearchRequest,
  uids: readonly number[],
): Promise<number[]> {
  const grades: ReadonlySet<number>[] = [];
  for (const grade of request.grades ?? []) grades.push(new Set(await storeOf(session).search(selected.view, grade)));
  return uids.map(uid => {
    const grade = grades.findIndex(found => found.has(uid));
    return grade === -1 ? LOOSE_SCORE : (GRADE_SCORES[grade] ?? LOOSE_SCORE);
  });
}

/** What the client knows of: messages that came since are not to be told before their EXISTS. */
export function known(selected: SelectedView, criteria: SearchCriteria): SearchCriteria {
  const told: SearchCriteria = { op: 'uid', set: [[1, Math.max(1, selected.numbering.lastUid)]] };
  return { op: 'and', operands: [told, criteria] };
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
