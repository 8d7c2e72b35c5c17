import { setImmediate } from 'node:timers/promises';
import { resolve } from '../catalog/views.ts';
import type { SearchCriteria } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import type { View } from '../types.ts';
import { type Condition, compile } from './compile.ts';
import { answer } from './text.ts';

/** UIDs of a view that meet the criteria, ascending. Other accounts of the thread are served between slices of a scan. */
export async function search(context: AccountContext, view: View, criteria: SearchCriteria): Promise<Uint32Array> {
  return selectMatching(context, view, criteria, (where, parameters, _, listed) => {
    const uids = (sql: string, values: readonly (string | number)[]): Uint32Array =>
      Uint32Array.from(
        context.db
          .prepare<unknown[], number>(sql)
          .pluck()
          .all(...values),
      );
    if (listed === undefined) return uids(`SELECT e.uid FROM entry e WHERE ${where} ORDER BY e.uid`, parameters);
    // What is listed leads to its entries, in an order of its own.
    const { source, rest } = listed;
    return uids(
      `SELECT e.uid FROM ${source.table} CROSS JOIN entry e ON e.message = ${source.message}
       WHERE ${source.where} AND ${rest.sql}`,
      [...source.parameters, ...rest.parameters],
    ).sort();
  });
}

/**
 * Runs a query over what meets the criteria.
 * @param select gets a condition on `entry e` and its parameters, the conditions of `grades`, and what `Condition.listed`
 * says of the first
 */
export async function selectMatching<T>(
  context: AccountContext,
  view: View,
  criteria: SearchCriteria,
  select: (
    where: string,
    parameters: readonly (string | number)[],
    grades: readonly Condition[],
    listed: Condition['listed'],
  ) => T,
  grades: readonly SearchCriteria[] = [],
): Promise<T> {
  const resolved = resolve(context, view);
  let slots = 0;
  const compiled = compile(context, resolved, criteria, () => ++slots);
  const graded = grades.map(grade => compile(context, resolved, grade, () => ++slots));
  const all = [compiled, ...graded];
  try {
    for (const { slot, ranges } of all.flatMap(({ sets }) => sets)) {
      const add = context.sql('INSERT INTO temp.uid_range (slot, low, high) VALUES (?, ?, ?)');
      for (const [low, high] of ranges) add.run(slot, low, high);
    }
    for (const query of all.flatMap(({ texts }) => texts)) {
      for (const _ of answer(context, resolved, query)) await setImmediate();
    }
    const within = (sql: string): string => `${resolved.where} AND (${sql})`;
    const { sql, parameters, listed } = compiled;
    const inView = listed && { ...listed, rest: { ...listed.rest, sql: within(listed.rest.sql) } };
    return select(within(sql), parameters, graded, inView);
  } finally {
    context.db.exec('DELETE FROM temp.hit; DELETE FROM temp.uid_range');
  }
}
