/** Where the signature and the content it covers lie in a message (RFC 8551 section 3.5, RFC 1847). */
import { decodeBody } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';

/** A gestore's signature is a few kilobytes; an enclosed content can be a whole message. */
const MAX_DETACHED = 1 << 20;

export interface SignedContent {
  /** CMS, decoded. */
  readonly signature: Uint8Array;
  /** Forms of the detached content, likeliest first; null when the content is enclosed in the signature. */
  readonly contents: readonly (() => Uint8Array)[] | null;
}

/** The signature of a message's top level; null when it has none; a sentence in Italian when it cannot be read. */
export function findSignedContent(raw: Uint8Array, root: MimeNode): SignedContent | string | null {
  if (root.type === 'multipart' && root.subtype === 'signed') return detached(raw, root);
  if (isPkcs7(root, 'mime')) {
    const smimeType = parameter(root, 'smime-type');
    if (smimeType !== null && smimeType !== 'signed-data') return null;
    return { signature: decodeBody(raw, root), contents: null };
  }
  return null;
}

function detached(raw: Uint8Array, root: MimeNode): SignedContent | string | null {
  const [content, signature] = root.children;
  // Other protocols (OpenPGP, RFC 3156) are no signature of a gestore.
  if (signature !== undefined && !isPkcs7(signature, 'signature')) return null;
  if (content === undefined || signature === undefined) return 'La firma del gestore manca o è incompleta.';
  if (signature.bodyEnd - signature.bodyStart > MAX_DETACHED) return 'La firma del gestore è troppo grande.';
  const signed = raw.subarray(content.headerStart, content.bodyEnd);
  return {
    signature: decodeBody(raw, signature),
    contents: [() => signed, () => canonical(signed)],
  };
}

function isPkcs7(node: MimeNode, kind: 'mime' | 'signature'): boolean {
  return node.type === 'application' && (node.subtype === `pkcs7-${kind}` || node.subtype === `x-pkcs7-${kind}`);
}

function parameter(node: MimeNode, name: string): string | null {
  const found = node.parameters.find(([key]) => key.toLowerCase() === name);
  return found === undefined ? null : found[1].toLowerCase();
}

const CR = 0x0d;
const LF = 0x0a;

/** Every line ended in CRLF, which is what was signed before a program stored it with its own line ends. */
function canonical(bytes: Uint8Array): Uint8Array {
  let lines = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lines++;
  const out = Buffer.allocUnsafe(bytes.length + lines);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const feed = bytes.indexOf(LF, at);
    let end = feed < 0 ? bytes.length : feed;
    if (feed >= 0) while (end > at && bytes[end - 1] === CR) end--;
    out.set(bytes.subarray(at, end), length);
    length += end - at;
    if (feed < 0) break;
    out[length++] = CR;
    out[length++] = LF;
    at = feed + 1;
  }
  return out.subarray(0, length);
}
