import { encodeLines } from './base64.ts';
import type { Run } from './split.ts';

/**
 * How to rebuild a message: its runs in order, each the piece it comes from and how the piece's octets are written.
 * 16 octets a run: 0 length in the message, 4 line length of base64 (0: as it is), 6 flags (1 CRLF, 2 closed by a line
 * break), 8 piece (64 bits).
 */
export interface RecipeItem {
  readonly piece: number;
  readonly length: number;
  readonly base64?: Run['base64'];
}

const ITEM_BYTES = 16;
const CRLF = 1;
const CLOSED = 2;

export function encodeRecipe(items: readonly RecipeItem[]): Uint8Array {
  const recipe = Buffer.alloc(items.length * ITEM_BYTES);
  items.forEach((item, index) => {
    const at = index * ITEM_BYTES;
    recipe.writeUInt32LE(item.length, at);
    recipe.writeUInt16LE(item.base64?.line ?? 0, at + 4);
    recipe.writeUInt16LE((item.base64?.crlf ? CRLF : 0) | (item.base64?.closed ? CLOSED : 0), at + 6);
    recipe.writeBigUInt64LE(BigInt(item.piece), at + 8);
  });
  return recipe;
}

export function decodeRecipe(octets: Uint8Array): RecipeItem[] {
  const recipe = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const items: RecipeItem[] = [];
  for (let at = 0; at + ITEM_BYTES <= recipe.length; at += ITEM_BYTES) {
    const line = recipe.readUInt16LE(at + 4);
    const flags = recipe.readUInt16LE(at + 6);
    items.push({
      piece: Number(recipe.readBigUInt64LE(at + 8)),
      length: recipe.readUInt32LE(at),
      ...(line > 0 && { base64: { line, crlf: (flags & CRLF) !== 0, closed: (flags & CLOSED) !== 0 } }),
    });
  }
  return items;
}

/** Octets [start, end) of what a run writes out of `content`; only the lines that are wanted are encoded. */
export function writeRun(
  content: Uint8Array,
  run: Pick<RecipeItem, 'base64' | 'length'>,
  start: number,
  end: number,
): Uint8Array {
  const shape = run.base64;
  if (!shape) return content.subarray(start, end);
  const written = shape.line + (shape.crlf ? 2 : 1);
  const perLine = (shape.line / 4) * 3;
  const first = Math.floor(start / written);
  const last = Math.ceil(end / written);
  const part = content.subarray(first * perLine, last * perLine);
  // A line break follows the last line of the slice unless it is the run's own last line, left open.
  const closed = shape.closed || last * perLine < content.length;
  const lines = encodeLines(part, shape, closed);
  return lines.subarray(start - first * written, end - first * written);
}
