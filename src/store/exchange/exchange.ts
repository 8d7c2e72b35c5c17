import { exchangeState } from '../../pec/exchange.ts';
import { messageHandle, messageId } from '../catalog/messages.ts';
import type { AccountContext } from '../database/context.ts';
import type { Exchange } from '../types.ts';
import { partRow, partsOf, rowsOf } from './parts.ts';

/** The whole exchange that a message belongs to: null for one that has none, such as a busta that was received. */
export function exchange(context: AccountContext, handle: string, now: number = Date.now()): Exchange | null {
  const row = partRow(context, messageId(handle));
  if (row === null) return null;
  const parts = partsOf(context, row, rowsOf(context, row));
  const part = parts.find(({ message }) => message === row.message);
  if (part === undefined) return null;
  const sent = parts.find(({ role }) => role === 'sent') ?? null;
  // Without the sender's copy the receipts still tell of whom they are about.
  const { receipts, ...state } = exchangeState(sent ?? { ...part, role: 'sent' }, parts, now);
  const counted = new Set(receipts.map(({ message }) => message));
  return {
    ...state,
    sent: sent === null ? null : messageHandle(sent.message),
    msgid: sent?.msgid ?? part.msgid,
    identificativo: receipts.find(({ identificativo }) => identificativo !== null)?.identificativo ?? null,
    receipts: parts.flatMap(({ message, role, at, recipient }) =>
      role === 'sent'
        ? []
        : [{ message: messageHandle(message), kind: role, at, recipient, counts: counted.has(message) }],
    ),
  };
}
