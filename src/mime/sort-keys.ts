import { type EnvelopeAddress, parseEnvelopeAddresses } from './address.ts';
import { baseSubject } from './base-subject.ts';
import { titlecased } from './casemap.ts';
import { guessLatin1 } from './charset.ts';
import { parseDate } from './date.ts';
import { decodeHeader } from './encoded-word.ts';
import { headerFields } from './header.ts';
import { LIMITS } from './limits.ts';
import type { MimeNode, SortKeys } from './types.ts';

const NAMES = new Set(['subject', 'from', 'to', 'cc', 'date', 'message-id', 'in-reply-to', 'references']);
/** Characters of one key: what lies beyond decides about no order that anybody sees. */
const MAXIMUM = 1_000;

/** What SORT and THREAD compare (RFC 5256, RFC 5957). Of a field that stands twice the first counts, as in Dovecot. */
export function sortKeys(raw: Uint8Array, root: MimeNode): SortKeys {
  const fields = new Map<string, string>();
  for (const { name, value } of headerFields(raw, root.headerStart, root.bodyStart, NAMES)) {
    const key = name.toLowerCase();
    if (!fields.has(key)) fields.set(key, value);
  }
  const field = (name: string) => fields.get(name) ?? '';
  const [from, to, cc] = ['from', 'to', 'cc'].map(name => firstAddress(field(name)));
  const { base, isReply } = baseSubject(titlecased(decodeHeader(field('subject'))));
  return {
    sentAt: parseDate(field('date')),
    subject: base,
    isReply,
    from: key(mailbox(from)),
    to: key(mailbox(to)),
    cc: key(mailbox(cc)),
    displayFrom: key(display(from)),
    displayTo: key(display(to)),
    ...threading(field('message-id'), field('references'), field('in-reply-to')),
  };
}

/** Keys of a message whose header cannot be read. */
export const NO_SORT_KEYS: SortKeys = {
  sentAt: null,
  subject: '',
  isReply: false,
  from: '',
  to: '',
  cc: '',
  displayFrom: '',
  displayTo: '',
  id: null,
  references: [],
};

function key(text: string): string {
  return titlecased(text).slice(0, MAXIMUM).toWellFormed();
}

/** The first element of an address list: of a group, its name. */
function firstAddress(value: string): EnvelopeAddress | undefined {
  return value === '' ? undefined : parseEnvelopeAddresses(value)[0];
}

function mailbox(address: EnvelopeAddress | undefined): string {
  return guessLatin1(address?.mailbox ?? '');
}

/** The name that a reader sees, else the address (RFC 5957 section 3). */
function display(address: EnvelopeAddress | undefined): string {
  if (address === undefined) return '';
  const name = address.name === null ? '' : decodeHeader(address.name);
  if (name !== '') return name;
  return guessLatin1(address.host === null ? (address.mailbox ?? '') : `${address.mailbox}@${address.host}`);
}

/** The message's own ID and those that it refers to, oldest first (RFC 5256 section 3). */
function threading(messageId: string, references: string, inReplyTo: string): Pick<SortKeys, 'id' | 'references'> {
  const referred = messageIds(references);
  return {
    id: messageIds(messageId)[0] ?? null,
    references: referred.length > 0 ? referred : messageIds(inReplyTo).slice(0, 1),
  };
}

/** Valid Message-IDs of a field without their brackets, quoted and unquoted spellings made one. */
function messageIds(value: string): string[] {
  const found: string[] = [];
  for (const [, text = ''] of value.matchAll(/<([^<>]+)>/g)) {
    const [, local = '', domain = ''] = /^(.+)@(.+)$/.exec(text.replace(/\s+/g, '')) ?? [];
    if (local === '') continue;
    const plain = /^"(.*)"$/.test(local) ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local;
    found.push(`${plain}@${domain}`.replaceAll('\0', ''));
    if (found.length >= LIMITS.references) break;
  }
  return found;
}
