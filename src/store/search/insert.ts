import type { AccountContext } from '../database/context.ts';
import { MAX_INDEXED_CHARS } from '../limits.ts';
import type { TextColumns } from './fold.ts';

/** Whether a message's text is short enough for the index; others are found by scanning them. */
export function fitsIndex(text: TextColumns): boolean {
  return columns(text).reduce((sum, column) => sum + column.length, 0) <= MAX_INDEXED_CHARS;
}

/** Puts a message's folded text into the index. */
export function insertIndex(context: AccountContext, message: number, text: TextColumns): void {
  context
    .sql(
      'INSERT INTO search (rowid, subject, sender, recipient, cc, bcc, header, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    .run(message, ...columns(text));
}

function columns({ subject, sender, recipient, cc, bcc, header, body }: TextColumns): string[] {
  return [subject, sender, recipient, cc, bcc, header, body];
}
