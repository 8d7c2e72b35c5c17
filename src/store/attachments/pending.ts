/** Messages whose attachments wait to be read, and what reading them gave. */
import { UNREAD } from '../../mime/index.ts';
import { messageHandle, messageId } from '../catalog/messages.ts';
import type { AccountContext } from '../database/context.ts';
import { packText, textOf } from '../database/packed-text.ts';
import { EXTRACTION_TRIES, MAX_TEXT_CHARS } from '../limits.ts';
import { NO_TEXT } from '../search/fold.ts';
import { documentWords } from '../words/document.ts';
import { mergeDue } from '../words/merging.ts';
import { insertWords } from '../words/writing.ts';

/** Characters of what a message's text has been that are in the index again, for needles that reach over its end. */
const OVERLAP = 256;

export interface PendingText {
  readonly message: string;
  /** Octets. */
  readonly size: number;
}

/** What was read. */
export interface ReadText {
  /** Folded, UTF-8; null when there is none. */
  readonly text: Uint8Array | null;
  /** Parts that were looked at. */
  readonly sections: readonly string[];
  readonly unreadable: readonly { readonly section: string; readonly reason: string }[];
}

/** The least often tried, the newest first. */
export function pendingTexts(context: AccountContext, limit: number): PendingText[] {
  return context
    .sql<{ id: number; size: number }>(
      `SELECT m.id, m.size FROM text_pending p JOIN message m ON m.id = p.message
       ORDER BY p.attempts, p.message DESC LIMIT ?`,
    )
    .all(limit)
    .map(({ id, size }) => ({ message: messageHandle(id), size }));
}

export function countPending(context: AccountContext): number {
  return context.sql<number>('SELECT count(*) FROM text_pending').pluck().get() ?? 0;
}

/** Adds the text of a message's attachments to what SEARCH knows of it, and no longer counts it as waiting. */
export function indexText(context: AccountContext, handle: string, { text, sections, unreadable }: ReadText): void {
  const message = messageId(handle);
  context.write(() => {
    // Nobody waits for it any more: it was read already.
    if (!forget(context, message)) return;
    if (text) addToBody(context, message, Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8'));
    context
      .sql(
        `DELETE FROM unreadable WHERE message = ? AND section IN (SELECT value FROM json_each(?))
         AND substr(reason, 1, ${UNREAD.length}) = ?`,
      )
      .run(message, JSON.stringify(sections), UNREAD);
    for (const { section, reason } of unreadable) note(context, message, section, reason);
  });
}

/** The attachments could not be looked at; after too many tries that is told, and the message waits no longer. */
export function textFailed(context: AccountContext, handle: string, reason: string): void {
  const message = messageId(handle);
  context.write(() => {
    const attempts = context
      .sql<number>('UPDATE text_pending SET attempts = attempts + 1 WHERE message = ? RETURNING attempts')
      .pluck()
      .get(message);
    if (attempts === undefined || attempts < EXTRACTION_TRIES) return;
    forget(context, message);
    note(context, message, '', `attachments were not read: ${reason}`);
  });
}

function forget(context: AccountContext, message: number): boolean {
  return context.sql('DELETE FROM text_pending WHERE message = ?').run(message).changes > 0;
}

function note(context: AccountContext, message: number, section: string, reason: string): void {
  context.sql('INSERT INTO unreadable (message, section, reason) VALUES (?, ?, ?)').run(message, section, reason);
}

function addToBody(context: AccountContext, message: number, text: string): void {
  const before = textOf(context, message);
  if (!before) return;
  const whole = { ...before, body: `${before.body}\n${text}`.slice(0, MAX_TEXT_CHARS) };
  // What the index has of the message stays right; the new document begins a little before what is new.
  const from = Math.max(0, before.body.length - OVERLAP);
  // Not with half a character.
  const words = documentWords({ ...NO_TEXT, body: whole.body.slice(from).replace(/^[\udc00-\udfff]/, '') });
  const { octets, packed } = packText(whole);
  const indexed = context
    .sql<number>('UPDATE text SET indexed = indexed AND ?, octets = ?, packed = ? WHERE message = ? RETURNING indexed')
    .pluck()
    .get(words === null ? 0 : 1, octets, packed, message);
  if (words !== null && indexed === 1) insertWords(context, [[message, words]]);
  mergeDue(context);
}
