import { setImmediate } from 'node:timers/promises';
import { resolve } from '../catalog/views.ts';
import type { SearchCriteria } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import type { View } from '../types.ts';
import { checkSize, compile, textQuestions } from './compile.ts';
import type { Condition, MessageSet, Parameter } from './message-set.ts';
import { answer } from './text.ts';

/** A search gives way to other accounts of its thread after so long. */
const TURN_MS = 5;

/** UIDs of a view that meet the criteria, ascending. Other accounts of the thread are served between slices of a scan. */
export async function search(context: AccountContext, view: View, criteria: SearchCriteria): Promise<Uint32Array> {
  return selectMatching(context, view, criteria, (where, parameters, _, listed) => {
    const uids = (sql: string, values: readonly Parameter[]): Uint32Array =>
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
       WHERE ${rest.sql}`,
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
    parameters: readonly Parameter[],
    grades: readonly Condition[],
    listed: Condition['listed'],
  ) => T,
  grades: readonly SearchCriteria[] = [],
): Promise<T> {
  const programs = [criteria, ...grades];
  for (const program of programs) checkSize(program);
  const answers = new Map<SearchCriteria, MessageSet>();
  for (const [part, question] of programs.flatMap(textQuestions))
    answers.set(part, await settle(answer(context, question)));
  const resolved = resolve(context, view);
  let slots = 0;
  const [compiled, ...graded] = programs.map(program => compile(context, resolved, program, answers, () => ++slots));
  if (compiled === undefined) throw new Error('no program');
  try {
    for (const { slot, ranges } of [compiled, ...graded].flatMap(({ sets }) => sets)) {
      const add = context.sql('INSERT INTO temp.uid_range (slot, low, high) VALUES (?, ?, ?)');
      for (const [low, high] of ranges) add.run(slot, low, high);
    }
    const within = (sql: string): string => `${resolved.where} AND (${sql})`;
    const { sql, parameters, listed } = compiled;
    const inView = listed && { ...listed, rest: { ...listed.rest, sql: within(listed.rest.sql) } };
    return select(within(sql), parameters, graded, inView);
  } finally {
    context.db.exec('DELETE FROM temp.uid_range');
  }
}

/** Runs to the end, with a turn for others now and then. */
export async function settle<T>(slices: Generator<void, T>): Promise<T> {
  for (let begun = performance.now(); ; ) {
    const { done, value } = slices.next();
    if (done) return value;
    if (performance.now() - begun < TURN_MS) continue;
    await setImmediate();
    begun = performance.now();
  }
}
