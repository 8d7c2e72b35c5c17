import { PIECE_BYTES } from '../limits.ts';
import { type Packed, pack } from '../segment/format.ts';
import type { Prepared } from './prepared.ts';
import type { RecipeItem } from './recipe.ts';
import type { Run } from './split.ts';

/**
 * Pieces of a message and how they make it up: what other messages may share is a piece by itself, all the rest (its
 * skeleton: headers, delimiters, short texts, signatures) goes together into as few as possible.
 */
export function packRuns(runs: readonly Run[]): Pick<Prepared, 'pieces' | 'runs'> {
  const pieces: Packed[] = [];
  const known = new Map<string, number>();
  const add = (content: Uint8Array): number => {
    const packed = pack(content);
    const key = Buffer.from(packed.sha256).toString('latin1');
    const piece = known.get(key) ?? pieces.push(packed) - 1;
    known.set(key, piece);
    return piece;
  };
  const items: RecipeItem[] = [];
  let skeleton: Run[] = [];
  let skeletonItems: number[] = [];
  let skeletonBytes = 0;
  const close = (): void => {
    if (skeleton.length === 0) return;
    const piece = add(Buffer.concat(skeleton.map(run => run.content)));
    for (const index of skeletonItems) items[index] = { ...(items[index] as RecipeItem), piece };
    skeleton = [];
    skeletonItems = [];
    skeletonBytes = 0;
  };
  for (const { content, length, base64, shared } of runs) {
    const item = { size: content.length, length, ...(base64 && { base64 }) };
    if (shared) {
      items.push({ ...item, piece: add(content), offset: 0 });
      continue;
    }
    if (skeletonBytes + content.length > PIECE_BYTES) close();
    skeletonItems.push(items.push({ ...item, piece: -1, offset: skeletonBytes }) - 1);
    skeleton.push({ content, length, shared });
    skeletonBytes += content.length;
  }
  close();
  return { pieces, runs: items };
}
