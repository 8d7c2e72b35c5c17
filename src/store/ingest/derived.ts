import { UNREAD } from '../../mime/index.ts';
import type { SortKeys } from '../../mime/types.ts';
import type { AccountContext } from '../database/context.ts';
import { type Arrival, insertExchangeFacts } from '../exchange/facts.ts';
import { withoutBrackets } from '../thread/reference-id.ts';
import type { Prepared } from './prepared.ts';

/** Rows that can be made again from the message's octets: structure and text. `insertWords` follows, for many at once. */
export function insertDerived(context: AccountContext, id: number, message: Prepared, arrival: Arrival): void {
  context
    .sql('INSERT INTO structure (message, listing, tree, facts) VALUES (?, ?, ?, ?)')
    .run(id, message.listing, message.tree, message.facts);
  insertSortKeys(context, id, message.sortKeys, message.summary.messageId);
  insertExchangeFacts(context, id, message, arrival);
  const kept = message.header;
  if (kept !== null) {
    context.sql('INSERT INTO header (message, checksum, octets) VALUES (?, ?, ?)').run(id, kept.checksum, kept.octets);
  }
  const { octets, packed } = message.packedText;
  context
    .sql('INSERT INTO text (message, indexed, octets, packed) VALUES (?, ?, ?, ?)')
    .run(id, message.words ? 1 : 0, octets, packed);
  for (const { section, reason } of message.unreadable) {
    context.sql('INSERT INTO unreadable (message, section, reason) VALUES (?, ?, ?)').run(id, section, reason);
  }
  if (message.unreadable.some(({ reason }) => reason.startsWith(UNREAD))) {
    context.sql('INSERT INTO text_pending (message) VALUES (?)').run(id);
  }
}

function insertSortKeys(context: AccountContext, id: number, keys: SortKeys, messageId: string | null): void {
  context
    .sql(
      `INSERT INTO sorting (message, sent_at, subject, is_reply, sender, recipient, cc, display_sender,
         display_recipient, message_id, reference_id, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      keys.sentAt,
      keys.subject,
      keys.isReply ? 1 : 0,
      keys.from,
      keys.to,
      keys.cc,
      keys.displayFrom,
      keys.displayTo,
      messageId,
      keys.id === withoutBrackets(messageId) ? null : (keys.id ?? ''),
      keys.references.join('\n'),
    );
}
