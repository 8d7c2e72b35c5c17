import { hash } from 'node:crypto';
import { type ExchangePart, exchangePart } from '../../pec/exchange.ts';
import type { SignatureSummary } from '../../pec/types.ts';
import type { AccountContext } from '../database/context.ts';
import type { Prepared } from '../ingest/prepared.ts';
import type { Facts } from '../structure/facts.ts';

/** How a message came: columns of its row. */
export interface Arrival {
  readonly internal_date: number;
  readonly direction: string;
  readonly from_self: number;
}

/**
 * What a message's octets say of its signature and of the exchange that it belongs to. Both can be made again from the
 * message; when the views under watch have to be looked at because of it is left to the next review.
 */
export function insertExchangeFacts(context: AccountContext, id: number, message: Prepared, arrival: Arrival): void {
  const { signature } = message;
  if (signature !== null) insertSignature(context, id, signature);
  const part = readPart(message, signature, arrival.internal_date);
  if (part === null) return;
  if (part.role === 'sent') {
    if (arrival.direction !== 'sent' && arrival.from_self !== 1) return;
    reviewAt(context, id, 0);
  }
  insertPart(context, id, part);
}

/** What a message contributes to an exchange. @param internalDate milliseconds since the epoch */
export function readPart(
  { summary, pec }: Facts,
  signature: SignatureSummary | null,
  internalDate: number,
): ExchangePart | null {
  const { from, to, cc, sentAt, messageId } = summary;
  return exchangePart(pec, signature ?? UNSIGNED, {
    from: from[0]?.address ?? null,
    recipients: [...to, ...cc].map(({ address }) => address),
    messageId,
    // The clock of the sender's machine may be wrong; it did not send after the message was there.
    at: Math.min(sentAt ?? internalDate, internalDate),
  });
}

/** What a message's signature has in common with others. */
type Finding = Omit<SignatureSummary, 'signingTime'>;

const UNSIGNED = { status: 'none', signer: null } as const;

function insertSignature(context: AccountContext, id: number, signature: SignatureSummary): void {
  const usable = signature.status !== 'broken' && signature.status !== 'none';
  const notAfter = usable ? (signature.signer?.notAfter ?? null) : null;
  const { signingTime, ...finding } = signature;
  context
    .sql('INSERT INTO signature (message, finding, signed_at) VALUES (?, ?, ?)')
    .run(id, findingId(context, finding, notAfter), signingTime);
  if (notAfter !== null) reviewAt(context, id, 0);
}

function findingId(context: AccountContext, finding: Finding, notAfter: number | null): number | bigint {
  const outcome = JSON.stringify(finding);
  const known = context.sql<number>('SELECT id FROM signature_finding WHERE outcome = ?').pluck().get(outcome);
  if (known !== undefined) return known;
  return context
    .sql('INSERT INTO signature_finding (outcome, status, not_after) VALUES (?, ?, ?)')
    .run(outcome, finding.status, notAfter).lastInsertRowid;
}

function insertPart(context: AccountContext, id: number, part: ExchangePart): void {
  const { role, sender, msgid, identificativo, trusted } = part;
  context
    .sql('INSERT INTO exchange_part (message, role, sender, msgid, identificativo, trusted) VALUES (?, ?, ?, ?, ?, ?)')
    .run(
      id,
      role,
      shortHash(sender),
      msgid === null ? null : shortHash(msgid),
      identificativo === null ? null : shortHash(identificativo),
      trusted ? 1 : 0,
    );
}

/** What stands for a text in `exchange_part`: 47 bits, which SQLite keeps in six octets. */
export function shortHash(text: string): number {
  return hash('sha256', text, 'buffer').readUIntBE(0, 6) % 2 ** 47;
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
  const row = context
    .sql<{ outcome: string; signed_at: number | null }>(
      'SELECT f.outcome, s.signed_at FROM signature s JOIN signature_finding f ON f.id = s.finding WHERE s.message = ?',
    )
    .get(id);
  if (row === undefined) return null;
  const finding: Finding = JSON.parse(row.outcome);
  return { ...finding, signingTime: row.signed_at };
}

export function signatureStatus(context: AccountContext, id: number): SignatureSummary['status'] | null {
  return (
    context
      .sql<SignatureSummary['status']>(
        'SELECT f.status FROM signature s JOIN signature_finding f ON f.id = s.finding WHERE s.message = ?',
      )
      .pluck()
      .get(id) ?? null
  );
}
