import type { SearchCriteria, SortCriterion, SortKey } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import type { View } from '../types.ts';
import type { Condition, Parameter } from './message-set.ts';
import { selectMatching } from './search.ts';

/** What a key compares, of `entry e JOIN sorting s`: texts octet by octet, instants by the second (RFC 5256 section 3). */
const COLUMNS: Record<Exclude<SortKey, 'relevancy'>, string> = {
  arrival: 'e.internal_date / 1000',
  cc: 's.cc',
  date: 'ifnull(s.sent_at, e.internal_date) / 1000',
  from: 's.sender',
  size: 'e.size',
  subject: 's.subject',
  to: 's.recipient',
  displayFrom: 's.display_sender',
  displayTo: 's.display_recipient',
};

/** UIDs of a view that meet the criteria, in the order of the keys; what they do not tell apart comes by UID. */
export async function sort(
  context: AccountContext,
  view: View,
  criteria: SearchCriteria,
  keys: readonly SortCriterion[],
  grades: readonly SearchCriteria[],
): Promise<Uint32Array> {
  const select = (where: string, parameters: readonly Parameter[], conditions: readonly Condition[]): Uint32Array => {
    const order: string[] = [];
    const ordering: Parameter[] = [];
    for (const { key, reverse } of keys) {
      const column = key === 'relevancy' ? lacking(conditions) : COLUMNS[key];
      if (key === 'relevancy') ordering.push(...conditions.flatMap(({ parameters: values }) => values));
      order.push(`${column}${reverse ? ' DESC' : ''}`);
    }
    const rows = context.db
      .prepare<unknown[], number>(
        `SELECT e.uid FROM entry e JOIN sorting s ON s.message = e.message
         WHERE ${where} ORDER BY ${[...order, 'e.uid'].join(', ')}`,
      )
      .pluck();
    return Uint32Array.from(rows.all(...parameters, ...ordering));
  };
  return selectMatching(context, view, criteria, select, grades);
}

/** How many of the conditions a row does not meet. */
function lacking(conditions: readonly Condition[]): string {
  return ['0', ...conditions.map(({ sql }) => `(NOT (${sql}))`)].join(' + ');
}
