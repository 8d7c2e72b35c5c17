import { type ExchangePart, exchangePart } from '../../pec/exchange.ts';
import type { SignatureSummary } from '../../pec/types.ts';
import type { AccountContext } from '../database/context.ts';
import type { Prepared } from '../ingest/prepared.ts';

/**
 * What a message's octets say of its signature and of the exchange that it belongs to. Both can be made again from the
 * message; when the views under watch have to be looked at because of it is left to the next review.
 */
export function insertExchangeFacts(context: AccountContext, id: number, message: Prepared): void {
  const { signature } = message;
  if (signature !== null) insertSignature(context, id, signature);
  const row = context
    .sql<{ internal_date: number; direction: string; from_self: number }>(
      'SELECT internal_date, direction, from_self FROM message WHERE id = ?',
    )
    .get(id);
  const at = row?.internal_date ?? 0;
  const { from, to, cc, sentAt, messageId } = message.summary;
  const part = exchangePart(message.pec, signature ?? UNSIGNED, {
    from: from[0]?.address ?? null,
    recipients: [...to, ...cc].map(({ address }) => address),
    messageId,
    // The clock of the sender's machine may be wrong; it did not send after the message was there.
    at: Math.min(sentAt ?? at, at),
  });
  if (part === null) return;
  if (part.role === 'sent') {
    if (row?.direction !== 'sent' && row?.from_self !== 1) return;
    reviewAt(context, id, 0);
  }
  insertPart(context, id, part);
}

const UNSIGNED = { status: 'none', signer: null } as const;

function insertSignature(context: AccountContext, id: number, signature: SignatureSummary): void {
  const usable = signature.status !== 'broken' && signature.status !== 'none';
  const notAfter = usable ? (signature.signer?.notAfter ?? null) : null;
  context
    .sql('INSERT INTO signature (message, status, not_after, outcome) VALUES (?, ?, ?, ?)')
    .run(id, signature.status, notAfter, JSON.stringify(signature));
  if (notAfter !== null) reviewAt(context, id, 0);
}

function insertPart(context: AccountContext, id: number, part: ExchangePart): void {
  const { role, sender, msgid, identificativo, trusted, ...facts } = part;
  context
    .sql(
      `INSERT INTO exchange_part (message, role, sender, msgid, identificativo, trusted, facts)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(id, role, sender, msgid, identificativo, trusted ? 1 : 0, JSON.stringify(facts));
}

/** When the clock alone may change what the views under watch show of a message; null: never. */
export function reviewAt(context: AccountContext, id: number, at: number | null): void {
  if (at === null) context.sql('DELETE FROM review WHERE message = ?').run(id);
  else {
    context
      .sql('INSERT INTO review (message, at) VALUES (?, ?) ON CONFLICT (message) DO UPDATE SET at = excluded.at')
      .run(id, at);
  }
}

/** Outcome of checking the signature when the message came; null for mail that no gestore signs. */
export function signatureOf(context: AccountContext, id: number): SignatureSummary | null {
  const outcome = context.sql<string>('SELECT outcome FROM signature WHERE message = ?').pluck().get(id);
  return outcome === undefined ? null : (JSON.parse(outcome) as SignatureSummary);
}

export function signatureStatus(context: AccountContext, id: number): SignatureSummary['status'] | null {
  return (
    context.sql<SignatureSummary['status']>('SELECT status FROM signature WHERE message = ?').pluck().get(id) ?? null
  );
}
