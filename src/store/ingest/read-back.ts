/** Messages put together again from what was just written: from disk, whatever is at hand in memory. */
import { createHash } from 'node:crypto';
import { isSmall, KIND_PIECE, unpackTogether } from '../segment/format.ts';
import type { PieceReader, PieceRow } from '../segment/pieces.ts';
import type { Segments } from '../segment/segments.ts';
import type { Prepared } from './prepared.ts';
import { decodeRecipe, writeRunInto } from './recipe.ts';

/** Octets of small pieces that are held at a time. */
export const TOGETHER_BYTES = 1024 * 1024;
/** Octets rebuilt at a time; at least some lines of base64. */
const REBUILT_BYTES = 64 * 1024;
const rebuilt = Buffer.allocUnsafeSlow(REBUILT_BYTES);

/** What some messages need, read together where it is small: setting up a decoder costs more than such a piece takes. */
export class ReadBack {
  readonly #pieces: PieceReader;
  readonly #small = new Map<number, Uint8Array>();

  constructor(segments: Segments, pieces: PieceReader, rows: readonly PieceRow[]) {
    this.#pieces = pieces;
    const read: PieceRow[] = [];
    const packed: Uint8Array[] = [];
    const small = new Map<number, PieceRow>();
    let bytes = 0;
    for (const row of rows) {
      if (!isSmall(row) || small.has(row.id) || bytes + row.length > TOGETHER_BYTES) continue;
      small.set(row.id, row);
      bytes += row.length;
    }
    for (const [row, octets] of segments.readTogether(KIND_PIECE, [...small.values()])) {
      read.push(row);
      packed.push(octets);
    }
    const contents = packed.length === 0 ? [] : unpackTogether(read, packed);
    for (const [index, content] of (contents ?? []).entries()) {
      const row = read[index];
      if (row) this.#small.set(row.id, content);
    }
  }

  /** Whether the recipe, as it is kept, gives the message's octets from these pieces. */
  gives({ size, sha256 }: Pick<Prepared, 'size' | 'sha256'>, recipe: Uint8Array, rows: readonly PieceRow[]): boolean {
    const digest = createHash('sha256');
    const pieces = new Map(rows.map(row => [row.id, row]));
    let total = 0;
    for (const run of decodeRecipe(recipe)) {
      const row = pieces.get(run.piece);
      const content = row && (this.#small.get(row.id) ?? this.#pieces.openRow(row));
      if (!content) return false;
      if (!run.base64) {
        const octets = content.subarray(run.offset, run.offset + run.size);
        digest.update(octets);
        total += octets.length;
        continue;
      }
      const line = run.base64.line + (run.base64.crlf ? 2 : 1);
      const step = Math.floor(REBUILT_BYTES / line) * line;
      for (let at = 0; at < run.length; at += step) {
        const written = writeRunInto(content, run, at, Math.min(at + step, run.length), rebuilt, 0);
        digest.update(rebuilt.subarray(0, written));
        total += written;
      }
    }
    return total === size && Buffer.compare(digest.digest(), sha256) === 0;
  }
}
