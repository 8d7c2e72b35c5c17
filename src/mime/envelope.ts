import { type EnvelopeAddress, parseEnvelopeAddresses } from './address.ts';
import { headerFields, trimBlanks } from './header.ts';
import { quoteOrNil } from './imap-string.ts';
import type { MimeNode } from './types.ts';

const NAMES = new Set([
  'date',
  'subject',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'in-reply-to',
  'message-id',
  'references',
]);

/** The fields of a message's header that ENVELOPE and listings read, by lower-case name, unfolded. */
export type EnvelopeFields = ReadonlyMap<string, string>;

const ADDRESS_FIELDS = new Set(['from', 'sender', 'reply-to', 'to', 'cc', 'bcc']);

/** Reads them. Of a field that stands twice the last counts, as in Dovecot; address lists are joined. */
export function envelopeFields(raw: Uint8Array, node: MimeNode): EnvelopeFields {
  const values = new Map<string, string>();
  for (const field of headerFields(raw, node.headerStart, node.bodyStart, NAMES)) {
    const name = field.name.toLowerCase();
    const before = ADDRESS_FIELDS.has(name) ? values.get(name) : undefined;
    values.set(name, before ? `${before}, ${field.value}` : field.value);
  }
  return values;
}

/** Runs of white space as one blank: how Dovecot shows what people read. */
function forHumans(value: string | null | undefined): string {
  return quoteOrNil(value && trimBlanks(value.replace(/[ \t\r\n]+/g, ' ')));
}

function address(element: EnvelopeAddress): string {
  const { name, route, mailbox, host } = element;
  return `(${forHumans(name)} ${quoteOrNil(route)} ${quoteOrNil(mailbox)} ${quoteOrNil(host)})`;
}

/** An address list of ENVELOPE; NIL when it is empty. */
function addresses(value: string | undefined): string {
  const list = value === undefined ? [] : parseEnvelopeAddresses(value);
  return list.length === 0 ? 'NIL' : `(${list.map(address).join('')})`;
}

/** ENVELOPE with its parentheses (RFC 3501 section 7.4.2). */
export function renderEnvelope(fields: EnvelopeFields): string {
  const text = (name: string) => quoteOrNil(fields.get(name));
  const from = addresses(fields.get('from'));
  const orFrom = (name: string) => {
    const list = addresses(fields.get(name));
    return list === 'NIL' ? from : list;
  };
  const list = (name: string) => addresses(fields.get(name));
  return `(${[
    text('date'),
    forHumans(fields.get('subject')),
    from,
    orFrom('sender'),
    orFrom('reply-to'),
    list('to'),
    list('cc'),
    list('bcc'),
    text('in-reply-to'),
    text('message-id'),
  ].join(' ')})`;
}

/** For callers that hold a node: its message's ENVELOPE. */
export function envelopeOf(raw: Uint8Array, node: MimeNode): string {
  return renderEnvelope(envelopeFields(raw, node));
}
