import type { AccountStore, MessageRecord } from '../../store/types.ts';

/**
 * The other conserved messages of the exchanges that a message belongs to: what was sent and every receipt and notice
 * about it.
 * @param by only what had been conserved by then, milliseconds since the epoch
 */
export async function restOfExchange(
  account: AccountStore,
  message: string,
  by = Number.POSITIVE_INFINITY,
): Promise<MessageRecord[]> {
  const exchange = await account.exchange(message);
  if (exchange === null) return [];
  const parts = new Set(exchange.receipts.map(receipt => receipt.message));
  if (exchange.sent !== null) parts.add(exchange.sent);
  parts.delete(message);
  const found: MessageRecord[] = [];
  for (const part of parts) {
    const record = await account.record(part);
    if (record.conserved !== null && record.conserved.at <= by) found.push(record);
  }
  return found;
}
