import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { AccountContext } from '../database/context.ts';
import { decodeRecipe } from '../ingest/recipe.ts';
import { MAX_READ_BYTES } from '../limits.ts';
import { type KeptCopy, StoreError } from '../types.ts';
import { messageById, messageId } from './messages.ts';

/** Reads a message from disk again, past what is in memory. Other accounts get their turn in between. */
export async function keptCopy(context: AccountContext, handle: string): Promise<KeptCopy> {
  const id = messageId(handle);
  const row = messageById(context, id);
  const recipe = context.sql<Uint8Array>('SELECT recipe FROM message WHERE id = ?').pluck().get(id) ?? new Uint8Array();
  for (const { piece } of decodeRecipe(recipe)) context.pieces.forget(piece);
  const digest = createHash('sha256');
  let size = 0;
  while (size < row.size) {
    const octets = context.pieces.range(recipe, size, MAX_READ_BYTES);
    if (octets.length === 0) break;
    digest.update(octets);
    size += octets.length;
    await setImmediate();
  }
  if (size !== row.size || Buffer.compare(digest.digest(), row.sha256) !== 0) {
    throw new StoreError('CORRUPTION', 'La copia archiviata del messaggio è danneggiata');
  }
  const archived = context
    .sql<number>(
      `SELECT e.save_date FROM entry e JOIN tree t ON t.id = e.tree
       WHERE e.message = ? AND t.kind = 'archive' ORDER BY e.uid LIMIT 1`,
    )
    .pluck()
    .get(id);
  return {
    sha256: Buffer.from(row.sha256).toString('hex'),
    size,
    archivedAt: archived ?? null,
    conservedAt: row.package === null ? null : row.conserved_at,
  };
}
