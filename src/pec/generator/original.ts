/** The message as its author's mail program makes it. */
import { createHash } from 'node:crypto';
import type { Attachment } from './attachments.ts';
import { legalTime } from './dates.ts';
import { attachmentPart, boundary, CRLF, multipart, textField, textPart } from './mime-write.ts';
import type { Random } from './random.ts';
import type { Person } from './texts.ts';

export type ReceiptType = 'completa' | 'breve' | 'sintetica';

export interface Original {
  readonly from: Person;
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly subject: string;
  readonly text: string;
  readonly attachments: readonly Attachment[];
  readonly at: Date;
  /** With angle brackets. */
  readonly messageId: string;
  /** X-TipoRicevuta, when the author asked for one. */
  readonly receiptType?: ReceiptType;
  /** Of the multipart, so that copies of the message keep it. */
  readonly delimiter: string;
}

function mailbox({ name, address }: Person): string {
  return `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`;
}

/** An address field; display names that are not ASCII as encoded words. */
export function addressField(name: string, people: readonly Person[]): string {
  const list = people.map(person => {
    if (/^[\x20-\x7e]*$/.test(person.name)) return mailbox(person);
    return `${textField('', person.name).slice(2)} <${person.address}>`;
  });
  return `${name}: ${list.join(`,${CRLF} `)}`;
}

export function newMessageId(random: Random, domain: string): string {
  return `<${random.hex(8)}.${random.hex(12)}@${domain}>`.toLowerCase();
}

export function newDelimiter(random: Random): string {
  return boundary(random);
}

interface Changes {
  /** Fields put before all others. */
  readonly before?: readonly string[];
  /** In place of the author's Message-ID. */
  readonly messageId?: string;
  /** Attachments replaced by their hashes (RFC 6109 section 3.3.2.2). */
  readonly brief?: boolean;
}

/** The whole message, CRLF, with the changes that a gestore makes to the copy it encloses. */
export function renderOriginal(original: Original, changes: Changes = {}): string {
  const { from, to, cc, subject, at, receiptType } = original;
  const { field, body } = renderBody(original, changes.brief === true);
  const fields = [
    ...(changes.before ?? []),
    `Message-ID: ${changes.messageId ?? original.messageId}`,
    `Date: ${legalTime(at).header}`,
    addressField('From', [from]),
    addressField('To', to),
    ...(cc.length > 0 ? [addressField('Cc', cc)] : []),
    textField('Subject', subject),
    ...(receiptType === undefined ? [] : [`X-TipoRicevuta: ${receiptType}`]),
    'User-Agent: Posta di Esempio 1.0',
    'MIME-Version: 1.0',
    field,
  ];
  return `${fields.join(CRLF)}${body}`;
}

/** The Content-Type field (and what follows it) and the body with the blank line before it. */
function renderBody(original: Original, brief: boolean): { field: string; body: string } {
  const text = textPart(original.text, 'plain', 'utf-8');
  if (original.attachments.length === 0) return { field: text, body: CRLF };
  const files = original.attachments.map(file =>
    brief ? hashPart(file) : attachmentPart(file.contentType, file.filename, file.base64),
  );
  const { field, body } = multipart('mixed', [text, ...files], original.delimiter);
  return { field, body: `${CRLF}${CRLF}${body}` };
}

function hashPart({ filename, base64 }: Attachment): string {
  return [
    `Content-Type: text/plain; name="${filename}.hash"`,
    'Content-Transfer-Encoding: 7bit',
    `Content-Disposition: attachment; filename="${filename}.hash"`,
    '',
    createHash('sha1').update(base64, 'latin1').digest('hex'),
  ].join(CRLF);
}
