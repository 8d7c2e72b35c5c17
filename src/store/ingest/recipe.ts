import { encodedLength, encodeLines, encodeLinesInto } from './base64.ts';
import type { Run } from './split.ts';

/**
 * How to rebuild a message: its runs in order, each the slice of a piece it comes from and how that slice is written.
 * 24 octets a run: 0 length in the message, 4 line length of base64 (0: as it is), 6 flags (1 CRLF, 2 closed by a line
 * break), 8 piece (64 bits), 16 where the slice begins in the piece, 20 its octets.
 */
export interface RecipeItem {
  readonly piece: number;
  readonly offset: number;
  readonly size: number;
  readonly length: number;
  readonly base64?: Run['base64'];
}

const ITEM_BYTES = 24;
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
    recipe.writeUInt32LE(item.offset, at + 16);
    recipe.writeUInt32LE(item.size, at + 20);
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
      piece: pieceAt(recipe, at),
      offset: recipe.readUInt32LE(at + 16),
      size: recipe.readUInt32LE(at + 20),
      length: recipe.readUInt32LE(at),
      ...(line > 0 && { base64: { line, crlf: (flags & CRLF) !== 0, closed: (flags & CLOSED) !== 0 } }),
    });
  }
  return items;
}

/** The pieces of a recipe, in the order of its runs. */
export function piecesOf(octets: Uint8Array): number[] {
  const recipe = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  return Array.from({ length: Math.floor(recipe.length / ITEM_BYTES) }, (_, index) =>
    pieceAt(recipe, index * ITEM_BYTES),
  );
}

/** 64 bits, of which a number holds 53. */
function pieceAt(recipe: Buffer, at: number): number {
  return recipe.readUInt32LE(at + 8) + recipe.readUInt32LE(at + 12) * 2 ** 32;
}

/** Octets [start, end) of what a run writes out of the octets of its piece. */
export function writeRun(
  piece: Uint8Array,
  run: Pick<RecipeItem, 'base64' | 'offset' | 'size'>,
  start: number,
  end: number,
): Uint8Array {
  const out = Buffer.allocUnsafe(Math.max(0, end - start));
  return out.subarray(0, writeRunInto(piece, run, start, end, out, 0));
}

/**
 * The same, to where the caller has room from `at` on; only the lines that are wanted are encoded.
 * @returns the octets written: fewer where the run ends before `end`
 */
export function writeRunInto(
  piece: Uint8Array,
  run: Pick<RecipeItem, 'base64' | 'offset' | 'size'>,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  const content = piece.subarray(run.offset, run.offset + run.size);
  const shape = run.base64;
  if (!shape) {
    const octets = content.subarray(start, end);
    out.set(octets, at);
    return octets.length;
  }
  const written = shape.line + (shape.crlf ? 2 : 1);
  const perLine = (shape.line / 4) * 3;
  const first = Math.floor(start / written);
  const last = Math.ceil(end / written);
  const part = content.subarray(first * perLine, last * perLine);
  // A line break follows the last line of the slice unless it is the run's own last line, left open.
  const closed = shape.closed || last * perLine < content.length;
  const length = encodedLength(part.length, shape, closed);
  if (start === first * written && length <= end - start) {
    encodeLinesInto(part, shape, closed, out, at);
    return length;
  }
  const lines = encodeLines(part, shape, closed).subarray(start - first * written, end - first * written);
  out.set(lines, at);
  return lines.length;
}
