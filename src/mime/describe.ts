import { parseAddressList } from './address.ts';
import { renderBodyStructure } from './body-structure.ts';
import { parseDate } from './date.ts';
import { decodeHeader } from './encoded-word.ts';
import { envelopeFields, renderEnvelope } from './envelope.ts';
import { LIMITS } from './limits.ts';
import { scanMessage } from './scanner.ts';
import type { MailAddress, MessageStructure } from './types.ts';

const MESSAGE_ID = /<[^<>]+>/g;

/** Message-IDs of a field, angle brackets included, white space removed. */
function messageIds(value: string | undefined): string[] {
  return (value?.match(MESSAGE_ID) ?? []).slice(0, LIMITS.references).map(id => id.replace(/\s+/g, ''));
}

/** The first message-ID; where none has brackets, what stands there. */
function firstMessageId(value: string | undefined): string | null {
  return messageIds(value)[0] ?? (value?.trim() || null);
}

/** Everything that the store keeps of a message's structure, from its raw bytes. Never throws. */
export function describeMessage(raw: Uint8Array): MessageStructure {
  const root = scanMessage(raw);
  const fields = envelopeFields(raw, root);
  const list = (name: string): MailAddress[] => parseAddressList(fields.get(name) ?? '');
  return {
    root,
    envelope: renderEnvelope(fields),
    bodyStructure: renderBodyStructure(raw, root),
    subject: decodeHeader(fields.get('subject') ?? ''),
    from: list('from'),
    to: list('to'),
    cc: list('cc'),
    sentAt: parseDate(fields.get('date') ?? ''),
    messageId: firstMessageId(fields.get('message-id')),
    inReplyTo: firstMessageId(fields.get('in-reply-to')),
    references: messageIds(fields.get('references')),
  };
}
