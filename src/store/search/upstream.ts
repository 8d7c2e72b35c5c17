import { setImmediate } from 'node:timers/promises';
import { resolve } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import type { UpstreamFolder, UpstreamText } from '../types.ts';
import { codePoints, fold } from './fold.ts';
import { answer } from './text.ts';

/** Needles that the index answers: a shorter one would have to read every text of the archive. */
const SHORTEST_NEEDLE = 3;

/**
 * UIDs of an upstream folder's known messages that hold each of the texts, ascending; null for one that is too short
 * for the index.
 */
export async function searchUpstream(
  context: AccountContext,
  { folder, uidValidity }: UpstreamFolder,
  texts: readonly UpstreamText[],
): Promise<(Uint32Array | null)[]> {
  const view = resolve(context, { tree: 'archive' });
  const found: (Uint32Array | null)[] = [];
  try {
    for (const [slot, { op, needle }] of texts.entries()) {
      const folded = fold(needle);
      if (codePoints(folded) < SHORTEST_NEEDLE) {
        found.push(null);
        continue;
      }
      const columns = op === 'text' ? (['header', 'body'] as const) : (['body'] as const);
      const what = { kind: 'columns', columns, needle: folded } as const;
      for (const _ of answer(context, view, { slot, what, among: null })) await setImmediate();
      const uids = context.sql<number>(
        `SELECT uid FROM upstream_message
         WHERE folder = ? AND uidvalidity = ? AND message IN (SELECT message FROM temp.hit WHERE slot = ?)
         ORDER BY uid`,
      );
      found.push(Uint32Array.from(uids.pluck().all(folder, uidValidity, slot)));
    }
    return found;
  } finally {
    context.db.exec('DELETE FROM temp.hit');
  }
}
