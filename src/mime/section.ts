import { isMessageType } from './content.ts';
import type { MimeNode } from './types.ts';

/** The node whose parts are numbered below `node`: an embedded message's root for a message/rfc822 part. */
function numbered(node: MimeNode): MimeNode {
  return isMessageType(node) ? (node.children[0] ?? node) : node;
}

/**
 * The part of that number (RFC 3501 section 6.4.5). A message that is no multipart has one part, 1, its own body; of a
 * message/rfc822 part the numbers go on in the embedded message. The empty list is the root itself.
 */
export function locatePart(root: MimeNode, part: readonly number[]): MimeNode | null {
  let node = root;
  let top = true;
  for (const number of part) {
    const container: MimeNode = top ? node : numbered(node);
    // A leaf below another leaf does not exist: `1.1` only where `1` is a multipart or a message.
    if (!top && container === node && node.type !== 'multipart') return null;
    top = false;
    if (container.type === 'multipart' && container.children.length > 0) {
      const child = container.children[number - 1];
      if (!child) return null;
      node = child;
    } else if (number === 1) node = container;
    else return null;
  }
  return node;
}

/** What a section specification names, without the fields of HEADER.FIELDS. */
export interface SectionName {
  readonly part: readonly number[];
  readonly text?: 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';
}

export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * The octets of a section; HEADER.FIELDS and HEADER.FIELDS.NOT give the whole header, for `filterHeader`. Null where
 * the section does not exist.
 */
export function sectionRange(root: MimeNode, section: SectionName): Range | null {
  const node = locatePart(root, section.part);
  if (!node) return null;
  const whole = section.part.length === 0;
  if (section.text === undefined) {
    return { start: whole ? node.headerStart : node.bodyStart, end: node.bodyEnd };
  }
  if (section.text === 'MIME') return whole ? null : { start: node.headerStart, end: node.bodyStart };
  // HEADER and TEXT of a part are those of the message that it holds.
  const message = whole ? node : isMessageType(node) ? node.children[0] : undefined;
  // A part that holds no message has neither; an empty string is what Dovecot answers.
  if (!message) return { start: node.bodyEnd, end: node.bodyEnd };
  return section.text === 'TEXT'
    ? { start: message.bodyStart, end: message.bodyEnd }
    : { start: message.headerStart, end: message.bodyStart };
}
