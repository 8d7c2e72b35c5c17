import { partFilename } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import { MIN_BODY_PIECE_BYTES, PIECE_BYTES } from '../limits.ts';
import { decodeLines, encodedLength, type LineShape } from './base64.ts';
import { certificatesIn } from './certificates.ts';

/** A run of a message's octets and the content that gives them back. */
export interface Run {
  readonly content: Uint8Array;
  /** Octets of the raw message that this run stands for. */
  readonly length: number;
  /** Absent: the content itself. */
  readonly base64?: LineShape & { readonly closed: boolean };
  /** Whether other messages may have the same content: it is kept apart from the rest, the message's skeleton. */
  readonly shared: boolean;
}

/** Bodies that no two messages have in common, but for the certificates in them. */
const CERTIFICATION = 'daticert.xml';
const SIGNATURES: ReadonlySet<string> = new Set(['pkcs7-signature', 'x-pkcs7-signature']);

/**
 * Cuts a message into runs, in order and without gaps: bodies of a size become pieces of their own, so that the same
 * attachment in the message, its receipt and its busta is one piece; base64 is kept decoded where that is exact.
 */
export function split(raw: Uint8Array, root: MimeNode | null): Run[] {
  const runs: Run[] = [];
  let at = 0;
  for (const leaf of root ? leaves(root, raw.length) : []) {
    if (leaf.bodyStart < at) continue;
    plain(raw, at, leaf.bodyStart, false, runs);
    at = leaf.bodyStart;
    const signature = SIGNATURES.has(leaf.subtype);
    const shared = !signature && partFilename(leaf)?.toLowerCase() !== CERTIFICATION;
    const lines = leaf.encoding === 'base64' ? decodeLines(raw.subarray(leaf.bodyStart, leaf.bodyEnd)) : null;
    if (lines) {
      const { content, shape } = lines;
      const whole = { start: 0, end: content.length, shared };
      for (const part of signature ? signatureParts(content, shape) : [whole]) encoded(content, shape, part, runs);
      at += lines.covered;
    } else {
      plain(raw, at, leaf.bodyEnd, shared, runs);
      at = leaf.bodyEnd;
    }
  }
  plain(raw, at, raw.length, false, runs);
  return runs;
}

function leaves(root: MimeNode, size: number): MimeNode[] {
  const found: MimeNode[] = [];
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.children.length > 0) stack.push(...node.children);
    else if (node.bodyEnd - node.bodyStart >= MIN_BODY_PIECE_BYTES && node.bodyEnd <= size) found.push(node);
  }
  return found.sort((a, b) => a.bodyStart - b.bodyStart);
}

function plain(raw: Uint8Array, start: number, end: number, shared: boolean, runs: Run[]): void {
  for (let at = start; at < end; at += PIECE_BYTES) {
    const content = raw.subarray(at, Math.min(at + PIECE_BYTES, end));
    runs.push({ content, length: content.length, shared });
  }
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly shared: boolean;
}

/** A signature by whole lines: what is before its certificates, these, and what is after them. */
function signatureParts(content: Uint8Array, shape: LineShape): Part[] {
  const perLine = (shape.line / 4) * 3;
  const found = certificatesIn(content);
  const start = found ? Math.ceil(found.start / perLine) * perLine : 0;
  const end = found ? Math.floor(found.end / perLine) * perLine : 0;
  if (end - start < MIN_BODY_PIECE_BYTES) return [{ start: 0, end: content.length, shared: false }];
  return [
    { start: 0, end: start, shared: false },
    { start, end, shared: true },
    { start: end, end: content.length, shared: false },
  ].filter(part => part.end > part.start);
}

/** @param part begins with a line */
function encoded(content: Uint8Array, shape: LineShape, part: Part, runs: Run[]): void {
  const { shared } = part;
  const perLine = (shape.line / 4) * 3;
  const step = Math.max(perLine, PIECE_BYTES - (PIECE_BYTES % perLine));
  for (let at = part.start; at < part.end; at += step) {
    const end = Math.min(at + step, part.end);
    const piece = content.subarray(at, end);
    const base64 = { ...shape, closed: end < content.length };
    runs.push({ content: piece, length: encodedLength(piece.length, shape, base64.closed), base64, shared });
  }
}
