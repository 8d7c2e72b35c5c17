/** Which of the two notices of a late delivery this is (RFC 6109 section 3.1.6): only the text for people says it. */
import { htmlToText } from '../mime/markup.ts';
import { decodeBodyStart, decodeNodeCharset } from '../mime/transfer.ts';
import type { MimeNode } from '../mime/types.ts';

const READ = 16 * 1024;
const DEPTH = 4;

/** Null where the text says neither, or both. */
export function lateNotice(raw: Uint8Array, root: MimeNode): '12h' | '24h' | null {
  const node = humanText(root, DEPTH);
  if (node === null) return null;
  const bodyEnd = Math.min(node.bodyEnd, node.bodyStart + READ);
  const { text } = decodeNodeCharset(decodeBodyStart(raw, { ...node, bodyEnd }), node);
  // The first notice goes on to announce the second one, `nelle prossime dodici ore`, and never names 24 hours.
  const words = (node.subtype === 'html' ? htmlToText(text) : text).replace(/\s+/g, ' ');
  const final = /\b(ventiquattro|24)\s?(ore\b|h\b)/i.test(words);
  const first = /\b(dodici|12)\s?(ore\b|h\b)/i.test(words);
  return final === first ? null : final ? '24h' : '12h';
}

function humanText(node: MimeNode, depth: number): MimeNode | null {
  if (node.type === 'text') return node;
  if (node.type !== 'multipart' || depth === 0) return null;
  for (const child of node.children) {
    const found = humanText(child, depth - 1);
    if (found !== null) return found;
  }
  return null;
}
