/**
 * Base64 bodies kept decoded. A body qualifies where encoding its octets again gives back every octet: lines of one
 * length, one kind of line break, canonical padding. All else stays as it is.
 */
import { type LineEncoder, MAX_OCTETS, makeLineEncoder } from './base64-lines.ts';

/** How a run of base64 lines was written. */
export interface LineShape {
  /** Characters of a full line, a multiple of 4. */
  readonly line: number;
  readonly crlf: boolean;
}

const CR = 13;
const LF = 10;
const PAD = 61;
const MAX_LINE = 8192;
/** Octets decoded at a time. */
const BLOCK_BYTES = 12 * 1024;
/** A block of lines, of the shortest or the longest. */
const again = Buffer.alloc((BLOCK_BYTES + MAX_LINE) * 2);
let encoder: LineEncoder | null = null;

/** Octets of a run of `decoded` octets once encoded; `closed` when a line break follows the last line. */
export function encodedLength(decoded: number, shape: LineShape, closed: boolean): number {
  const characters = Math.ceil(decoded / 3) * 4;
  const lines = Math.ceil(characters / shape.line);
  return characters + Math.max(0, lines - (closed ? 0 : 1)) * (shape.crlf ? 2 : 1);
}

/** Encodes octets as lines; `closed` puts a line break after the last one. */
export function encodeLines(content: Uint8Array, shape: LineShape, closed: boolean): Uint8Array {
  const out = Buffer.allocUnsafe(encodedLength(content.length, shape, closed));
  encodeLinesInto(content, shape, closed, out, 0);
  return out;
}

/** The same, to where the caller has room from `at` on. */
export function encodeLinesInto(
  content: Uint8Array,
  shape: LineShape,
  closed: boolean,
  out: Uint8Array,
  at: number,
): void {
  encoder ??= makeLineEncoder();
  const { input, output } = encoder;
  const perLine = (shape.line / 4) * 3;
  const lineBreak = shape.crlf ? (LF << 8) | CR : LF;
  const breakLength = shape.crlf ? 2 : 1;
  const block = Math.max(1, Math.floor(MAX_OCTETS / perLine)) * perLine;
  let position = at;
  for (let from = 0; from < content.length; from += block) {
    const part = content.subarray(from, from + block);
    input.set(part);
    input.fill(0, part.length, part.length + 2);
    encoder.encode(part.length, perLine, shape.line, lineBreak, breakLength);
    const more = from + block < content.length;
    const characters = encodedLength(part.length, shape, false);
    out.set(output.subarray(0, characters), position);
    position += characters;
    for (let pad = 1; pad <= (3 - (part.length % 3)) % 3; pad++) out[position - pad] = PAD;
    if (!more && !closed) return;
    if (shape.crlf) out[position++] = CR;
    out[position++] = LF;
  }
}

/**
 * The lines of a body as decoded octets, and how many octets of the body they cover (line breaks at the end are left
 * out). null where encoding again would not give the same octets.
 */
export function decodeLines(body: Uint8Array): { shape: LineShape; content: Uint8Array; covered: number } | null {
  const octets = Buffer.from(body.buffer, body.byteOffset, body.length);
  let covered = octets.length;
  while (covered > 0 && (octets[covered - 1] === LF || octets[covered - 1] === CR)) covered -= 1;
  if (covered === 0) return null;
  const firstBreak = octets.subarray(0, covered).indexOf(LF);
  const crlf = firstBreak > 0 && octets[firstBreak - 1] === CR;
  const line = firstBreak === -1 ? covered : firstBreak - (crlf ? 1 : 0);
  // One line only: any length will do, and a run of its own line length encodes as that one line.
  if (line % 4 !== 0 || line === 0 || line > MAX_LINE) return null;
  const shape = { line, crlf };
  const content = decoded(octets.subarray(0, covered), shape);
  return content && { shape, content, covered };
}

/** Block by block, each encoded again at once: large bodies make no large strings. */
function decoded(lines: Buffer, shape: LineShape): Uint8Array | null {
  const written = shape.line + (shape.crlf ? 2 : 1);
  const breaks = (Math.ceil(lines.length / written) - 1) * (written - shape.line);
  const padding = lines.at(-1) !== PAD ? 0 : lines.at(-2) !== PAD ? 1 : 2;
  const length = ((lines.length - breaks) / 4) * 3 - padding;
  if (!Number.isInteger(length) || encodedLength(length, shape, false) !== lines.length) return null;
  const content = Buffer.allocUnsafe(length);
  const block = Math.ceil(BLOCK_BYTES / shape.line) * written;
  let at = 0;
  for (let from = 0; from < lines.length; from += block) {
    const end = Math.min(from + block, lines.length);
    const octets = content.write(lines.toString('latin1', from, end), at, 'base64');
    const closed = end < lines.length;
    const part = content.subarray(at, at + octets);
    if (encodedLength(octets, shape, closed) !== end - from) return null;
    encodeLinesInto(part, shape, closed, again, 0);
    if (lines.compare(again, 0, end - from, from, end) !== 0) return null;
    at += octets;
  }
  return at === length ? content : null;
}
