/** Pieces that no message is made of any more: marked message by message, then swept, in steps that others get between. */
import type { AccountContext } from '../database/context.ts';
import { decodeRecipe } from '../ingest/recipe.ts';

/** How far one round has come; plain data, which travels between the threads. */
export interface Marks {
  /** A bit for each piece that some message needs. */
  readonly used: Uint8Array;
  /** The last message that was looked at. */
  readonly message: number;
  /** The last piece that was looked at in sweeping. */
  readonly piece: number;
  readonly done: boolean;
}

const MARK_RUN = 2000;
const SWEEP_RUN = 2000;

/** @param marks null to begin */
export function markPieces(context: AccountContext, marks: Marks | null): Marks {
  const last = context.sql<number>('SELECT ifnull(max(id), 0) FROM piece').pluck().get() ?? 0;
  const { used, message, piece } = marks ?? { used: new Uint8Array((last >> 3) + 1), message: 0, piece: 0 };
  const looked = mark(context, used, message, MARK_RUN);
  return { used, message: looked.last, piece, done: looked.count < MARK_RUN };
}

/** Forgets some of the pieces that were not marked, after a look at the messages that came meanwhile. */
export function sweepPieces(context: AccountContext, { used, message, piece }: Marks): Marks {
  return context.write(() => {
    const looked = mark(context, used, message, Number.MAX_SAFE_INTEGER);
    // The newest stays: ids are never given twice.
    const pieces = context
      .sql<number>('SELECT id FROM piece WHERE id > ? AND id < (SELECT max(id) FROM piece) ORDER BY id LIMIT ?')
      .pluck()
      .all(piece, SWEEP_RUN);
    for (const id of pieces) {
      const slot = used[id >> 3];
      // Beyond the marks are pieces that came later.
      if (slot === undefined || (slot & (1 << (id & 7))) !== 0) continue;
      context.sql('DELETE FROM piece WHERE id = ?').run(id);
      context.pieces.forget(id);
    }
    return { used, message: looked.last, piece: pieces.at(-1) ?? piece, done: pieces.length < SWEEP_RUN };
  });
}

function mark(
  context: AccountContext,
  used: Uint8Array,
  after: number,
  limit: number,
): { last: number; count: number } {
  let last = after;
  let count = 0;
  const messages = context
    .sql<{ id: number; recipe: Uint8Array }>('SELECT id, recipe FROM message WHERE id > ? ORDER BY id LIMIT ?')
    .all(after, limit);
  for (const { id, recipe } of messages) {
    for (const { piece } of decodeRecipe(recipe)) {
      const slot = used[piece >> 3];
      if (slot !== undefined) used[piece >> 3] = slot | (1 << (piece & 7));
    }
    last = id;
    count += 1;
  }
  return { last, count };
}
