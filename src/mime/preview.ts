import { isMessageType } from './content.ts';
import { htmlToText } from './markup.ts';
import { decodeBodyStart, decodeNodeCharset } from './transfer.ts';
import type { MimeNode } from './types.ts';

/** Characters of a preview (RFC 8970 section 3.1). */
const LENGTH = 200;
/** Characters of text that are looked at for them. */
const LOOKED_AT = 64 * 1024;
/** Nodes that are looked at for a text. */
const NODES = 200;

/**
 * The beginning of what a reader sees: the first text that is no attachment, without what it quotes, blanks made one.
 * Empty where there is none.
 * @param inner show the message that this one carries, as for a busta di trasporto
 */
export function previewText(raw: Uint8Array, root: MimeNode, inner: boolean): string {
  const start = inner ? (embedded(root) ?? root) : root;
  const node = firstText(start);
  if (node === null) return '';
  // Some 4 octets a character, and base64 on top.
  const bodyEnd = Math.min(node.bodyEnd, node.bodyStart + 6 * LOOKED_AT);
  const { text } = decodeNodeCharset(decodeBodyStart(raw, { ...node, bodyEnd }), node);
  const seen = (node.subtype === 'html' ? htmlToText(text) : text).slice(0, LOOKED_AT);
  const lines = seen.split(/\r?\n/);
  const own = shorten(lines.filter(line => !line.startsWith('>')).join('\n'));
  return own === '' ? shorten(seen) : own;
}

function shorten(text: string): string {
  const plain = text
    .replace(/[\s\p{Cc}\u00ad\u200b-\u200d\ufeff]+/gu, ' ')
    .trim()
    .toWellFormed();
  return [...plain.slice(0, 2 * LENGTH)].slice(0, LENGTH).join('');
}

function embedded(root: MimeNode): MimeNode | null {
  for (const node of inOrder(root)) if (isMessageType(node)) return node.children[0] ?? null;
  return null;
}

function firstText(root: MimeNode): MimeNode | null {
  let other: MimeNode | null = null;
  for (const node of inOrder(root)) {
    if (node.type !== 'text' || node.disposition === 'attachment') continue;
    if (node.subtype === 'plain') return node;
    if (node.subtype === 'html') other ??= node;
  }
  return other;
}

/** Nodes of one message from front to back, those of embedded messages left out. */
function* inOrder(root: MimeNode): Generator<MimeNode> {
  const stack = [root];
  let left = NODES;
  for (let node = stack.pop(); node !== undefined && left > 0; node = stack.pop(), left--) {
    yield node;
    if (node.type === 'multipart') stack.push(...node.children.toReversed());
  }
}
