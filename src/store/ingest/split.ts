import type { MimeNode } from '../../mime/types.ts';
import { MIN_BODY_PIECE_BYTES, PIECE_BYTES } from '../limits.ts';
import { decodeLines, encodedLength, type LineShape } from './base64.ts';

/** A run of a message's octets and the content that gives them back. */
export interface Run {
  readonly content: Uint8Array;
  /** Octets of the raw message that this run stands for. */
  readonly length: number;
  /** Absent: the content itself. */
  readonly base64?: LineShape & { readonly closed: boolean };
}

/**
 * Cuts a message into runs, in order and without gaps: bodies of a size become pieces of their own, so that the same
 * attachment in the message, its receipt and its busta is one piece; base64 is kept decoded where that is exact.
 */
export function split(raw: Uint8Array, root: MimeNode | null): Run[] {
  const runs: Run[] = [];
  let at = 0;
  for (const leaf of root ? leaves(root, raw.length) : []) {
    if (leaf.bodyStart < at) continue;
    plain(raw, at, leaf.bodyStart, runs);
    at = leaf.bodyStart;
    const lines = leaf.encoding === 'base64' ? decodeLines(raw.subarray(leaf.bodyStart, leaf.bodyEnd)) : null;
    if (lines) {
      encoded(lines.content, lines.shape, runs);
      at += lines.covered;
    } else {
      plain(raw, at, leaf.bodyEnd, runs);
      at = leaf.bodyEnd;
    }
  }
  plain(raw, at, raw.length, runs);
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

function plain(raw: Uint8Array, start: number, end: number, runs: Run[]): void {
  for (let at = start; at < end; at += PIECE_BYTES) {
    const content = raw.subarray(at, Math.min(at + PIECE_BYTES, end));
    runs.push({ content, length: content.length });
  }
}

function encoded(content: Uint8Array, shape: LineShape, runs: Run[]): void {
  const perLine = (shape.line / 4) * 3;
  const step = Math.max(perLine, PIECE_BYTES - (PIECE_BYTES % perLine));
  for (let at = 0; at < content.length; at += step) {
    const piece = content.subarray(at, Math.min(at + step, content.length));
    const closed = at + step < content.length;
    runs.push({ content: piece, length: encodedLength(piece.length, shape, closed), base64: { ...shape, closed } });
  }
}
