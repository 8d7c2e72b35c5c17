import type { AccountContext } from '../database/context.ts';
import type { FolderCursor, UpstreamMessage } from '../types.ts';
import { insertUpstream } from './upstream.ts';

/** JSON text of a setting. */
export function setting(context: AccountContext, key: string): string | null {
  return context.sql<string>('SELECT value FROM setting WHERE key = ?').pluck().get(key) ?? null;
}

export function setSetting(context: AccountContext, key: string, value: string): void {
  context.write(() => {
    context
      .sql('INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
      .run(key, value);
  });
}

export function cursors(context: AccountContext): FolderCursor[] {
  return context
    .sql<FolderCursor>('SELECT folder, uidvalidity AS "uidValidity", last_uid AS "lastUid" FROM cursor ORDER BY folder')
    .all();
}

/** @param known upstream messages that the cursor goes past, kept in the same transaction */
export function setCursor(context: AccountContext, cursor: FolderCursor, known: readonly UpstreamMessage[] = []): void {
  context.write(() => {
    insertUpstream(context, cursor, known);
    context
      .sql(
        `INSERT INTO cursor (folder, uidvalidity, last_uid) VALUES (?, ?, ?)
         ON CONFLICT (folder) DO UPDATE SET uidvalidity = excluded.uidvalidity, last_uid = excluded.last_uid`,
      )
      .run(cursor.folder, cursor.uidValidity, cursor.lastUid);
  });
}
