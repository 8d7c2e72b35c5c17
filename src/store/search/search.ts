import { setImmediate } from 'node:timers/promises';
import { resolve } from '../catalog/views.ts';
import type { SearchCriteria } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import type { View } from '../types.ts';
import { type Condition, compile } from './compile.ts';
import { answer } from './text.ts';

/** UIDs of a view that meet the criteria, ascending. Other accounts of the thread are served between slices of a scan. */
export async function search(context: AccountContext, view: View, criteria: SearchCriteria): Promise<Uint32Array> {
  return selectMatching(context, view, criteria, (where, parameters) =>
    Uint32Array.from(
      context.db
        .prepare<unknown[], number>(
          `SELECT e.uid FROM entry e JOIN message m ON m.id = e.message WHERE ${where} ORDER BY e.uid`,
        )
        .pluck()
        .all(...parameters),
    ),
  );
}

/**
 * Runs a query over what meets the criteria.
 * @param select gets a condition on `entry e JOIN message m` and its parameters, and the conditions of `grades`
 */
export async function selectMatching<T>(
  context: AccountContext,
  view: View,
  criteria: SearchCriteria,
  select: (where: string, parameters: readonly (string | number)[], grades: readonly Condition[]) => T,
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
    return select(`${resolved.where} AND (${compiled.sql})`, compiled.parameters, graded);
  } finally {
    context.db.exec('DELETE FROM temp.hit; DELETE FROM temp.uid_range');
  }
}
