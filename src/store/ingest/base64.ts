/**
 * Base64 bodies kept decoded. A body qualifies where encoding its octets again gives back every octet: lines of one
 * length, one kind of line break, canonical padding. All else stays as it is.
 */

/** How a run of base64 lines was written. */
export interface LineShape {
  /** Characters of a full line, a multiple of 4. */
  readonly line: number;
  readonly crlf: boolean;
}

const CR = 13;
const LF = 10;
const MAX_LINE = 8192;

/** Octets of a run of `decoded` octets once encoded; `closed` when a line break follows the last line. */
export function encodedLength(decoded: number, shape: LineShape, closed: boolean): number {
  const characters = Math.ceil(decoded / 3) * 4;
  const lines = Math.ceil(characters / shape.line);
  return characters + Math.max(0, lines - (closed ? 0 : 1)) * (shape.crlf ? 2 : 1);
}

/** Encodes octets as lines; `closed` puts a line break after the last one. */
export function encodeLines(content: Uint8Array, shape: LineShape, closed: boolean): Uint8Array {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString('base64');
  const out = Buffer.allocUnsafe(encodedLength(content.length, shape, closed));
  let position = 0;
  for (let start = 0; start < text.length; start += shape.line) {
    position += out.write(text.slice(start, start + shape.line), position, 'latin1');
    if (closed || start + shape.line < text.length) {
      if (shape.crlf) out[position++] = CR;
      out[position++] = LF;
    }
  }
  return out;
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
  const content = Buffer.from(octets.toString('latin1', 0, covered), 'base64');
  if (encodedLength(content.length, shape, false) !== covered) return null;
  const again = encodeLines(content, shape, false);
  return Buffer.compare(again, octets.subarray(0, covered)) === 0 ? { shape, content, covered } : null;
}
