import { setImmediate } from 'node:timers/promises';
import { resolve } from '../catalog/views.ts';
import type { SearchCriteria } from '../criteria.ts';
import type { AccountContext } from '../database/context.ts';
import type { View } from '../types.ts';
import { compile } from './compile.ts';
import { answer } from './text.ts';

/** UIDs of a view that meet the criteria, ascending. Other accounts of the thread are served between slices of a scan. */
export async function search(context: AccountContext, view: View, criteria: SearchCriteria): Promise<Uint32Array> {
  const resolved = resolve(context, view);
  let slots = 0;
  const compiled = compile(context, resolved, criteria, () => ++slots);
  try {
    for (const { slot, ranges } of compiled.sets) {
      const add = context.sql('INSERT INTO temp.uid_range (slot, low, high) VALUES (?, ?, ?)');
      for (const [low, high] of ranges) add.run(slot, low, high);
    }
    for (const query of compiled.texts) {
      for (const _ of answer(context, resolved, query)) await setImmediate();
    }
    const uids = context.db
      .prepare<unknown[], number>(
        `SELECT e.uid FROM entry e JOIN message m ON m.id = e.message
         WHERE ${resolved.where} AND (${compiled.sql}) ORDER BY e.uid`,
      )
      .pluck()
      .all(...compiled.parameters);
    return Uint32Array.from(uids);
  } finally {
    context.db.exec('DELETE FROM temp.hit; DELETE FROM temp.uid_range');
  }
}
