import { encodedLength, encodeLines, encodeLinesInto } from './base64.ts';
import type { Run } from './split.ts';

/**
 * How to rebuild a message: its runs in order, each the slice of a piece it comes from and how that slice is written.
 *
 * Stored run by run, numbers with seven bits an octet, the lowest first, and the eighth bit where more follow:
 *
 *     flags   1 base64, 2 CRLF, 4 closed by a line break, 8 lines of 76; 16 offset and 32 length are written
 *     piece   less the piece of the run before, 0 before the first; twice that, or for less than nothing twice less 1
 *     size    octets of the slice
 *     line    length of a base64 line, unless flags tell
 *     offset  where the slice begins in the piece, unless it goes on where the piece's last one ended
 *     length  in the message, unless it follows from the size
 */
export interface RecipeItem {
  readonly piece: number;
  readonly offset: number;
  readonly size: number;
  readonly length: number;
  readonly base64?: Run['base64'];
}

const BASE64 = 1;
const CRLF = 2;
const CLOSED = 4;
const USUAL_LINE = 8;
const OFFSET = 16;
const LENGTH = 32;
/** Characters of a line as MIME programs write it (RFC 2045 section 6.8). */
const LINE = 76;

export function encodeRecipe(items: readonly RecipeItem[]): Uint8Array {
  const octets: number[] = [];
  const put = (value: number): void => {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push(0x80 | (rest % 0x80));
    octets.push(rest);
  };
  const ends = new Map<number, number>();
  let before = 0;
  for (const { piece, offset, size, length, base64 } of items) {
    const goesOn = offset === (ends.get(piece) ?? 0);
    const follows = length === writtenLength(size, base64);
    const shape = base64
      ? BASE64 | (base64.crlf ? CRLF : 0) | (base64.closed ? CLOSED : 0) | (base64.line === LINE ? USUAL_LINE : 0)
      : 0;
    put(shape | (goesOn ? 0 : OFFSET) | (follows ? 0 : LENGTH));
    put(piece >= before ? (piece - before) * 2 : (before - piece) * 2 - 1);
    put(size);
    if (base64 && base64.line !== LINE) put(base64.line);
    if (!goesOn) put(offset);
    if (!follows) put(length);
    ends.set(piece, offset + size);
    before = piece;
  }
  return Uint8Array.from(octets);
}

export function decodeRecipe(octets: Uint8Array): RecipeItem[] {
  let at = 0;
  const take = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const octet = octets[at++] ?? 0;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
  };
  const items: RecipeItem[] = [];
  const ends = new Map<number, number>();
  let before = 0;
  while (at < octets.length) {
    const flags = take();
    const step = take();
    const piece = step % 2 === 0 ? before + step / 2 : before - (step + 1) / 2;
    const size = take();
    const base64 =
      flags & BASE64
        ? {
            line: flags & USUAL_LINE ? LINE : take(),
            crlf: (flags & CRLF) !== 0,
            closed: (flags & CLOSED) !== 0,
          }
        : undefined;
    const offset = flags & OFFSET ? take() : (ends.get(piece) ?? 0);
    const length = flags & LENGTH ? take() : writtenLength(size, base64);
    items.push({ piece, offset, size, length, ...(base64 && { base64 }) });
    ends.set(piece, offset + size);
    before = piece;
  }
  return items;
}

function writtenLength(size: number, base64: RecipeItem['base64']): number {
  return base64 ? encodedLength(size, base64, base64.closed) : size;
}

/** The pieces of a recipe, in the order of its runs. */
export function piecesOf(octets: Uint8Array): number[] {
  return decodeRecipe(octets).map(({ piece }) => piece);
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
