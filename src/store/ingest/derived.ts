import { crc32 } from 'node:zlib';
import { UNREAD } from '../../mime/index.ts';
import type { SortKeys } from '../../mime/types.ts';
import type { AccountContext } from '../database/context.ts';
import { type Arrival, insertExchangeFacts } from '../exchange/facts.ts';
import { fitsIndex, insertIndex } from '../search/insert.ts';
import type { Prepared } from './prepared.ts';

/** Rows that can be made again from the message's octets: structure and text. `indexDerived` follows. */
export function insertDerived(context: AccountContext, id: number, message: Prepared, arrival: Arrival): void {
  context
    .sql('INSERT INTO structure (message, listing, tree, facts) VALUES (?, ?, ?, ?)')
    .run(id, message.listing, message.tree, message.facts);
  insertSortKeys(context, id, message.sortKeys);
  insertExchangeFacts(context, id, message, arrival);
  const kept = message.header;
  if (kept !== null) {
    context.sql('INSERT INTO header (message, checksum, octets) VALUES (?, ?, ?)').run(id, crc32(kept), kept);
  }
  const { subject, sender, recipient, cc, bcc, header } = message.text;
  context
    .sql(
      `INSERT INTO text (message, indexed, subject, sender, recipient, cc, bcc, header, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(id, fitsIndex(message.text) ? 1 : 0, subject, sender, recipient, cc, bcc, header, message.packedBody);
  for (const { section, reason } of message.unreadable) {
    context.sql('INSERT INTO unreadable (message, section, reason) VALUES (?, ?, ?)').run(id, section, reason);
  }
  if (message.unreadable.some(({ reason }) => reason.startsWith(UNREAD))) {
    context.sql('INSERT INTO text_pending (message) VALUES (?)').run(id);
  }
}

/** Puts the text where SEARCH finds it, in the transaction of `insertDerived`; apart from it, since it pays to do many at once. */
export function indexDerived(context: AccountContext, id: number, message: Prepared): void {
  if (fitsIndex(message.text)) insertIndex(context, id, message.text, message.grams);
}

function insertSortKeys(context: AccountContext, id: number, keys: SortKeys): void {
  context
    .sql(
      `INSERT INTO sorting (message, sent_at, subject, is_reply, sender, recipient, cc, display_sender,
         display_recipient, reference_id, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      keys.id,
      keys.references.join('\n'),
    );
}
