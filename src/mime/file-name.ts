import { decodeHeader } from './encoded-word.ts';
import { parameter } from './structured.ts';
import type { MimeNode } from './types.ts';

/**
 * A value that is either decoded already (RFC 2231: may hold any Unicode) or still as on the wire (one character an
 * octet, perhaps with encoded words, which RFC 2047 forbids there and half of all mail has).
 */
function decodeName(value: string): string {
  return /[^\x00-\xff]/.test(value) ? value : decodeHeader(value);
}

/** File name of a part, decoded: `filename` of Content-Disposition, else `name` of Content-Type (RFC 2183, 2231, 2047). */
export function partFilename(node: MimeNode): string | null {
  const name = parameter(node.dispositionParameters, 'filename') ?? parameter(node.parameters, 'name');
  if (name === undefined) return null;
  const decoded = decodeName(name)
    .replace(/[\x00-\x1f\x7f]/g, '')
    .trim();
  return decoded === '' ? null : decoded;
}
