/** The top-level header fields that make a message a PEC message (RFC 6109 section 3). */
import { headerFields, parseAddressList } from '../mime/index.ts';
import type { MimeNode } from '../mime/types.ts';

const PEC_FIELDS = new Set([
  'x-trasporto',
  'x-ricevuta',
  'x-tiporicevuta',
  'x-riferimento-message-id',
  'x-verificasicurezza',
  'rem-messagetype',
  'rem-eventidentifier',
  'rem-reasonidentifier',
  'rem-evidence-id',
  'rem-uamessageidentifier',
]);

/** More than any of these fields needs; they are kept in tables. */
const MAX_VALUE = 1000;

/** Lower-case name to value; the first field of a name counts, as for every reader that shows one. */
export function pecFields(raw: Uint8Array, root: MimeNode): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, value } of headerFields(raw, root.headerStart, root.bodyStart, PEC_FIELDS)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, value.slice(0, MAX_VALUE));
  }
  return found;
}

/**
 * Address of the From field; null unless there is exactly one field with exactly one address, since of several each
 * mail program shows another (RFC 5322 section 3.6 allows one field).
 */
export function senderAddress(raw: Uint8Array, root: MimeNode): string | null {
  const fields = headerFields(raw, root.headerStart, root.bodyStart, new Set(['from']));
  const addresses = fields.flatMap(({ value }) => parseAddressList(value));
  return addresses.length === 1 ? (addresses[0]?.address ?? null) : null;
}
