/** Which message of an upstream folder is which message of the archive, by UID. */
import type { AccountContext } from '../database/context.ts';
import type { UpstreamFolder, UpstreamMessage } from '../types.ts';
import { messageHandle, messageId } from './messages.ts';

/** Inside the caller's transaction. What was known under another UIDVALIDITY of the folder is forgotten. */
export function insertUpstream(
  context: AccountContext,
  { folder, uidValidity }: UpstreamFolder,
  known: readonly UpstreamMessage[],
): void {
  context.sql('DELETE FROM upstream_message WHERE folder = ? AND uidvalidity <> ?').run(folder, uidValidity);
  const insert = context.sql(
    `INSERT INTO upstream_message (folder, uidvalidity, uid, message) VALUES (?, ?, ?, ?)
     ON CONFLICT (folder, uidvalidity, uid) DO UPDATE SET message = excluded.message`,
  );
  for (const { uid, message } of known) insert.run(folder, uidValidity, uid, messageId(message));
}

export function knowUpstream(context: AccountContext, folder: UpstreamFolder, known: readonly UpstreamMessage[]): void {
  context.write(() => insertUpstream(context, folder, known));
}

/** Ascending UIDs of the folder whose message is known. */
export function knownUpstreamUids(context: AccountContext, { folder, uidValidity }: UpstreamFolder): Uint32Array {
  return Uint32Array.from(
    context
      .sql<number>('SELECT uid FROM upstream_message WHERE folder = ? AND uidvalidity = ? ORDER BY uid')
      .pluck()
      .all(folder, uidValidity),
  );
}

/** Those among `uids` that are known, ascending. */
export function upstreamMessages(
  context: AccountContext,
  { folder, uidValidity }: UpstreamFolder,
  uids: readonly number[],
): UpstreamMessage[] {
  return context
    .sql<{ uid: number; message: number }>(
      `SELECT uid, message FROM upstream_message
       WHERE folder = ? AND uidvalidity = ? AND uid IN (SELECT value FROM json_each(?)) ORDER BY uid`,
    )
    .all(folder, uidValidity, JSON.stringify(uids))
    .map(row => ({ uid: row.uid, message: messageHandle(row.message) }));
}

/** Forgets what the upstream has expunged: every UID that is not among `present`. */
export function retainUpstream(
  context: AccountContext,
  { folder, uidValidity }: UpstreamFolder,
  present: readonly number[],
): void {
  context.write(() => {
    context
      .sql(
        `DELETE FROM upstream_message
         WHERE folder = ? AND (uidvalidity <> ? OR uid NOT IN (SELECT value FROM json_each(?)))`,
      )
      .run(folder, uidValidity, JSON.stringify(present));
  });
}
