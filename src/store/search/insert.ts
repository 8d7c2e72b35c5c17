import type { AccountContext } from '../database/context.ts';
import { MAX_INDEXED_CHARS } from '../limits.ts';
import type { TextColumns } from './fold.ts';

/** Puts a message's folded text into the index, unless it is too long for it; whether it is there then. */
export function insertIndex(context: AccountContext, message: number, text: TextColumns): boolean {
  const { subject, sender, recipient, cc, bcc, header, body } = text;
  const columns = [subject, sender, recipient, cc, bcc, header, body];
  if (columns.reduce((sum, column) => sum + column.length, 0) > MAX_INDEXED_CHARS) return false;
  context
    .sql(
      'INSERT INTO search (rowid, subject, sender, recipient, cc, bcc, header, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    .run(message, ...columns);
  return true;
}
