/** The attachments of a message, at any depth, and messages that are attachments themselves. */
import { isMessageType } from '../mime/content.ts';
import { decodeBody, extractSearchText, partFilename, scanMessage, UNREAD } from '../mime/index.ts';
import { LIMITS as MIME_LIMITS } from '../mime/limits.ts';
import type { MimeNode } from '../mime/types.ts';
import { evidentCharset } from './characters.ts';
import { readXmlDocument } from './markup.ts';
import type { Reading } from './reading.ts';
import { sniff } from './sniff.ts';
import type { Hint } from './types.ts';

/** A part of a message that holds no other part. */
export interface Leaf {
  /** As `extractSearchText` numbers it. */
  readonly section: string;
  readonly hint: Hint;
  /** How much of it `extractSearchText` reads: characters under a declared charset, characters, nothing. */
  readonly read: 'declared' | 'guessed' | 'no';
  /** The body without its transfer encoding. */
  octets(): Uint8Array;
}

/** The leaves of a message in the order in which `extractSearchText` meets them, messages inside it included. */
export function* leaves(raw: Uint8Array, root: MimeNode): Generator<Leaf> {
  yield* inMessage(raw, root, '', 0);
}

function* inMessage(raw: Uint8Array, root: MimeNode, section: string, decoded: number): Generator<Leaf> {
  if (root.type === 'multipart' && root.children.length > 0) yield* inChildren(raw, root, section, decoded);
  else yield* inPart(raw, root, section === '' ? '1' : `${section}.1`, decoded);
}

function* inChildren(raw: Uint8Array, node: MimeNode, section: string, decoded: number): Generator<Leaf> {
  for (const [index, child] of node.children.entries()) {
    yield* inPart(raw, child, section === '' ? String(index + 1) : `${section}.${index + 1}`, decoded);
  }
}

function* inPart(raw: Uint8Array, node: MimeNode, section: string, decoded: number): Generator<Leaf> {
  if (node.type === 'multipart' && node.children.length > 0) {
    yield* inChildren(raw, node, section, decoded);
    return;
  }
  const name = partFilename(node);
  const encoded = node.encoding === 'base64' || node.encoding === 'quoted-printable';
  const attached = isMessageType(node) ? encoded : node.type === 'application' && /\.eml$/i.test(name ?? '');
  if (attached && decoded < MIME_LIMITS.decodedMessages) {
    const inner = decodeBody(raw, node);
    yield* inMessage(inner, scanMessage(inner), section, decoded + 1);
  } else if (isMessageType(node)) {
    const root = node.children[0];
    if (root) yield* inMessage(raw, root, section, decoded);
  } else yield leaf(raw, node, section, name);
}

const XML_TYPE = /^(?:application|text)\/xml$|\+xml$/;
const WITHOUT_TEXT = /^(?:image|audio|video|font|model)\/|pkcs7-signature$/;

function leaf(raw: Uint8Array, node: MimeNode, section: string, name: string | null): Leaf {
  const type = `${node.type}/${node.subtype}`;
  const xml = XML_TYPE.test(type) || (/\.xml$/i.test(name ?? '') && !WITHOUT_TEXT.test(type));
  const declared = node.parameters.some(([parameter]) => parameter.toLowerCase() === 'charset');
  return {
    section,
    hint: { name, type },
    read: xml || node.type === 'text' ? (declared ? 'declared' : 'guessed') : 'no',
    octets: () => decodeBody(raw, node),
  };
}

/**
 * Reads a leaf as far as `extractSearchText` does not: not what is text under its own name, but what only claims to be,
 * UTF-16 without a charset, and the files that a FatturaPA carries.
 * @returns whether there was something to read
 */
export async function readLeaf(leaf: Leaf, reading: Reading): Promise<boolean> {
  const bytes = leaf.octets();
  const kind = leaf.read === 'no' ? null : sniff(bytes, leaf.hint);
  if (kind === 'xml' && evidentCharset(bytes)?.startsWith('utf-16') !== true) {
    await readXmlDocument(bytes, reading, true);
    return true;
  }
  if (kind === 'xml' || kind === 'html' || kind === 'plain') {
    const misread = leaf.read === 'guessed' && /^utf-(?:16|32)/.test(evidentCharset(bytes) ?? '');
    if (!misread) return false;
  } else if (kind !== null && kind !== 'pdf' && kind !== 'zip' && kind !== 'rtf' && kind !== 'cms') return false;
  await reading.here(bytes, leaf.hint);
  return true;
}

/** A message that is a document itself: in a ZIP, or signed in a p7m. Its header, its text and its attachments. */
export async function readMessage(bytes: Uint8Array, reading: Reading): Promise<void> {
  const root = scanMessage(bytes);
  const { header, body, unreadable } = extractSearchText(bytes, { root });
  reading.add(header);
  reading.add(body);
  const read = new Set<string>();
  for (const leaf of leaves(bytes, root)) {
    if (leaf.read === 'no') read.add(leaf.section);
    await reading.inside(leaf.hint.name ?? leaf.section, async inner => {
      if (await readLeaf(leaf, inner)) read.add(leaf.section);
    });
  }
  for (const { section, reason } of unreadable) {
    if (!(read.has(section) && reason.startsWith(UNREAD))) reading.fail(reason, section);
  }
}
