import type { AccountContext } from '../database/context.ts';
import type { UpstreamFolder, UpstreamText } from '../types.ts';
import { fold } from './fold.ts';
import { settle } from './search.ts';
import { answer } from './text.ts';

/** Characters of a needle that say something: one or two without their accents are in nearly every text. */
const SHORTEST_NEEDLE = 3;

/**
 * UIDs of an upstream folder's known messages that hold each of the texts, ascending; null for one that is so short that
 * the upstream, which heeds accents, answers better.
 */
export async function searchUpstream(
  context: AccountContext,
  { folder, uidValidity }: UpstreamFolder,
  texts: readonly UpstreamText[],
): Promise<(Uint32Array | null)[]> {
  const known = context.sql<{ uid: number; message: number }>(
    'SELECT uid, message FROM upstream_message WHERE folder = ? AND uidvalidity = ? ORDER BY uid',
  );
  const found: (Uint32Array | null)[] = [];
  for (const { op, needle } of texts) {
    const folded = fold(needle);
    if ([...folded].length < SHORTEST_NEEDLE) {
      found.push(null);
      continue;
    }
    const columns = op === 'text' ? (['header', 'body'] as const) : (['body'] as const);
    const hits = await settle(answer(context, { kind: 'columns', columns, needle: folded }));
    const rows = known.all(folder, uidValidity).filter(({ message }) => hits.has(message));
    found.push(Uint32Array.from(rows, ({ uid }) => uid));
  }
  return found;
}
