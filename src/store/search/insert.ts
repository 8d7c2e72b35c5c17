import type { AccountContext } from '../database/context.ts';
import { MAX_INDEXED_CHARS } from '../limits.ts';
import type { TextColumns } from './fold.ts';
import { gramTokens } from './grams.ts';

/** Whether a message's text is short enough for the index; others are found by scanning them. */
export function fitsIndex({ subject, sender, recipient, cc, bcc, header, body }: TextColumns): boolean {
  const columns = [subject, sender, recipient, cc, bcc, header, body];
  return columns.reduce((sum, column) => sum + column.length, 0) <= MAX_INDEXED_CHARS;
}

/**
 * Puts a message's folded text into the index.
 * @param grams its `gramTokens`
 */
export function insertIndex(
  context: AccountContext,
  message: number,
  text: TextColumns,
  grams = gramTokens(text),
): void {
  const { subject, sender, recipient, cc, bcc, header, body } = text;
  context
    .sql(
      'INSERT INTO search (rowid, body, header, subject, sender, recipient, cc, bcc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    .run(message, body, header, subject, sender, recipient, cc, bcc);
  context.sql('INSERT INTO gram (rowid, tokens) VALUES (?, ?)').run(message, grams);
}

/** Takes a message's text out of the index, where it is in there. */
export function removeIndex(context: AccountContext, message: number): void {
  for (const table of ['search', 'gram']) {
    context
      .sql(`DELETE FROM ${table} WHERE rowid IN (SELECT message FROM text WHERE message = ? AND indexed = 1)`)
      .run(message);
  }
}
