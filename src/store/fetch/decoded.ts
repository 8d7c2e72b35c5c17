import { setImmediate } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { Base64Decoder, decodeQuotedPrintable, isComposite } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { AccountContext } from '../database/context.ts';
import { decodeRecipe } from '../ingest/recipe.ts';

/** Octets decoded at a time: all that is ever held of a part. */
const STEP = 256 * 1024;
/** Octets after which other accounts get their turn. */
const TURN = 16 * STEP;
/** Line breaks that may follow the base64 of a part that is kept decoded. */
const MAX_TAIL = 4096;

/** The body of a part without its Content-Transfer-Encoding (RFC 3516), read anywhere without holding it whole. */
export interface DecodedPart {
  readonly size: number;
  read(start: number, length: number): Uint8Array;
}

/** Where a part can be gone on with, besides its beginning. */
interface Checkpoint {
  readonly raw: number;
  readonly decoded: number;
  /** Of base64: what is left of an unfinished group. */
  readonly bits: number;
  readonly count: number;
}

/** What one pass over a part has found out; small, whatever the part's size. */
interface Index {
  readonly size: number;
  readonly checkpoints: readonly Checkpoint[];
}

const indices = new LRUCache<string, Index>({ max: 64 });

/**
 * Opens a part for reading decoded; null where its encoding is unknown. A part whose base64 the store keeps decoded
 * costs nothing; of another one the first opening takes one pass.
 */
export async function openDecoded(
  context: AccountContext,
  message: number,
  recipe: Uint8Array,
  node: MimeNode,
): Promise<DecodedPart | null> {
  const { encoding, bodyStart, bodyEnd } = node;
  const raw = (start: number, end: number) =>
    context.pieces.range(recipe, bodyStart + start, Math.min(end, bodyEnd - bodyStart) - start);
  if (isComposite(node) || encoding === '7bit' || encoding === '8bit' || encoding === 'binary') {
    return { size: bodyEnd - bodyStart, read: (start, length) => raw(start, start + length) };
  }
  if (encoding !== 'base64' && encoding !== 'quoted-printable') return null;
  const kept = encoding === 'base64' ? keptDecoded(context, recipe, node) : null;
  if (kept !== null) return kept;
  const step = encoding === 'base64' ? base64Step : quotedPrintableStep;
  const part = { length: bodyEnd - bodyStart, raw, step };
  const key = `${context.address}:${message}:${bodyStart}`;
  let index = indices.get(key);
  if (index === undefined) {
    index = await makeIndex(part);
    indices.set(key, index);
  }
  const { size, checkpoints } = index;
  return { size, read: (start, length) => readFrom(part, checkpoints, start, length) };
}

interface EncodedPart {
  readonly length: number;
  raw(start: number, end: number): Uint8Array;
  /** Decodes the beginning of `bytes`. @param last nothing follows them */
  step(bytes: Uint8Array, at: Checkpoint, last: boolean): Step;
}

interface Step {
  readonly octets: Uint8Array;
  readonly next: Checkpoint;
}

const BEGINNING: Checkpoint = { raw: 0, decoded: 0, bits: 0, count: 0 };

async function makeIndex(part: EncodedPart): Promise<Index> {
  const checkpoints: Checkpoint[] = [BEGINNING];
  let at = BEGINNING;
  while (at.raw < part.length) {
    at = stepFrom(part, at).next;
    checkpoints.push(at);
    if (checkpoints.length % (TURN / STEP) === 0) await setImmediate();
  }
  return { size: at.decoded, checkpoints };
}

function readFrom(part: EncodedPart, checkpoints: readonly Checkpoint[], start: number, length: number): Uint8Array {
  let low = 0;
  let high = checkpoints.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((checkpoints[middle]?.decoded ?? 0) <= start) low = middle + 1;
    else high = middle;
  }
  const found: Uint8Array[] = [];
  const end = start + length;
  for (let at = checkpoints[low - 1] ?? BEGINNING; at.raw < part.length && at.decoded < end; ) {
    const { octets, next } = stepFrom(part, at);
    found.push(octets.subarray(Math.max(0, start - at.decoded), Math.max(0, end - at.decoded)));
    at = next;
  }
  return Buffer.concat(found);
}

function stepFrom(part: EncodedPart, at: Checkpoint): Step {
  const end = Math.min(part.length, at.raw + STEP);
  return part.step(part.raw(at.raw, end), at, end === part.length);
}

function base64Step(bytes: Uint8Array, at: Checkpoint): Step {
  const decoder = new Base64Decoder(at.bits, at.count);
  const octets = decoder.decode(bytes);
  const { bits, count } = decoder;
  return { octets, next: { raw: at.raw + bytes.length, decoded: at.decoded + octets.length, bits, count } };
}

/** Whole lines, or as much of an endless one as means the same whatever follows. */
function quotedPrintableStep(bytes: Uint8Array, at: Checkpoint, last: boolean): Step {
  let cut = bytes.length;
  if (!last) {
    const newline = bytes.lastIndexOf(LF);
    if (newline >= 0) cut = newline + 1;
    else {
      while (cut > 0 && isBlank(bytes[cut - 1])) cut--;
      if (bytes[cut - 1] === EQUALS) cut -= 1;
      else if (bytes[cut - 2] === EQUALS) cut -= 2;
      if (cut <= 0) cut = bytes.length;
    }
  }
  const octets = decodeQuotedPrintable(bytes.subarray(0, cut));
  return { octets, next: { raw: at.raw + cut, decoded: at.decoded + octets.length, bits: 0, count: 0 } };
}

const LF = 0x0a;
const EQUALS = 0x3d;

function isBlank(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09 || octet === 0x0d;
}

/** The part as the store's own decoded pieces; null where it is not kept so. */
function keptDecoded(context: AccountContext, recipe: Uint8Array, node: MimeNode): DecodedPart | null {
  const spans: { readonly piece: number; readonly offset: number; readonly start: number; readonly end: number }[] = [];
  let at = 0;
  let covered = node.bodyStart;
  let size = 0;
  for (const item of decodeRecipe(recipe)) {
    const next = at + item.length;
    if (at === covered && next <= node.bodyEnd && item.base64 !== undefined) {
      spans.push({ piece: item.piece, offset: item.offset, start: size, end: size + item.size });
      size += item.size;
      covered = next;
    }
    at = next;
    if (at > covered && at > node.bodyStart) break;
  }
  const tail = node.bodyEnd - covered;
  if (spans.length === 0 || tail > MAX_TAIL) return null;
  const rest = context.pieces.range(recipe, covered, tail);
  if (rest.some(octet => octet !== LF && octet !== 0x0d)) return null;
  return {
    size,
    read: (start, length) => {
      const end = Math.min(size, start + length);
      const wanted = spans.filter(span => span.start < end && span.end > start);
      return Buffer.concat(
        wanted.map(span => {
          const content = context.pieces.read(span.piece);
          const until = span.offset + Math.min(end, span.end) - span.start;
          // Copied, since the next piece may take its place.
          return Buffer.from(content.subarray(span.offset + Math.max(0, start - span.start), until));
        }),
      );
    },
  };
}
