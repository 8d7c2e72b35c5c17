import { createHash } from 'node:crypto';
import { partFilename } from '../../mime/file-name.ts';
import { decodeBody } from '../../mime/transfer.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { PecFacts } from '../../pec/types.ts';

export interface AttachmentDigest {
  readonly name: string;
  /** Of the decoded file. */
  readonly sha256: Uint8Array;
}

/** Index entries that a package bears for one message; `count` goes on counting. */
const MAX_LISTED = 1000;
/** Parts that the gestore adds, besides the message itself. */
const TECHNICAL = new Set(['daticert.xml', 'smime.p7s', 'smime.p7m']);

export interface Attachment {
  readonly name: string;
  readonly node: MimeNode;
}

/**
 * The files attached to what the people wrote: those of the inner `postacert.eml` where there is one, else the message's
 * own without the parts of the gestore.
 */
export function attachmentsOf(root: MimeNode, pec: Pick<PecFacts, 'family'>): Attachment[] {
  const inner = pec.family === 'ordinaria' ? null : postacert(root);
  return attachedParts(inner ?? root)
    .filter(node => inner !== null || !TECHNICAL.has(fileName(node)))
    .map((node, index) => ({ name: fileName(node) || `allegato-${index + 1}`, node }));
}

/** Digests of those files, decoded. */
export function attachmentDigests(
  raw: Uint8Array,
  root: MimeNode,
  pec: Pick<PecFacts, 'family'>,
): { readonly count: number; readonly listed: readonly AttachmentDigest[] } {
  const files = attachmentsOf(root, pec);
  const listed = files.slice(0, MAX_LISTED).map(({ name, node }) => ({
    name,
    sha256: createHash('sha256').update(decodeBody(raw, node)).digest(),
  }));
  return { count: files.length, listed };
}

/** Root of the message inside `postacert.eml`, or of the first embedded message (RFC 6109 section 3.1.5). */
function postacert(root: MimeNode): MimeNode | null {
  const embedded: MimeNode[] = [];
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'message' && node.subtype === 'rfc822') embedded.push(node);
    else pending.push(...node.children.toReversed());
  }
  const named = embedded.find(node => fileName(node).toLowerCase() === 'postacert.eml');
  return (named ?? embedded[0])?.children[0] ?? null;
}

function attachedParts(root: MimeNode): MimeNode[] {
  const found: MimeNode[] = [];
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'multipart') pending.push(...node.children.toReversed());
    else if (fileName(node) !== '' || node.disposition === 'attachment') found.push(node);
    else if (node.type === 'message' && node !== root) found.push(node);
  }
  return found;
}

function fileName(node: MimeNode): string {
  return partFilename(node) ?? '';
}
