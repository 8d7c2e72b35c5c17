import type { AccountContext } from '../database/context.ts';
import { journalMessages } from '../journal/journal.ts';

/** Messages removed in one transaction. */
const RUN = 100;
/** Rows of a message that keep it from being removed; any other row that refers to it goes with it. */
const HOLDING: ReadonlySet<string> = new Set(['entry', 'queue', 'package_message']);

/**
 * Removes some messages that have been in no folder since before `before` (milliseconds): expunged everywhere, or taken
 * and never filed. What is conserved, queued or asked for stays, and so does the newest message: ids are never given
 * twice (RFC 8474). How many were removed.
 */
export function purgeOrphans(context: AccountContext, before: number): number {
  const ids = context
    .sql<number>(
      `SELECT m.id FROM message m
       WHERE m.entries = 0 AND m.orphaned_at < ? AND m.package IS NULL AND m.conserved_at IS NULL
         AND m.id < (SELECT max(id) FROM message)
         ${[...HOLDING].map(table => `AND NOT EXISTS (SELECT 1 FROM ${table} h WHERE h.message = m.id)`).join(' ')}
         AND NOT EXISTS (SELECT 1 FROM distribution d, json_each(d.messages) j WHERE j.value = m.id)
       LIMIT ${RUN}`,
    )
    .pluck()
    .all(before);
  if (ids.length === 0) return 0;
  const tables = tablesOfMessages(context);
  context.write(() => {
    journalMessages(context, 'purged', 'system', ids, {});
    for (const id of ids) {
      for (const table of tables) context.sql(`DELETE FROM ${table} WHERE message = ?`).run(id);
      context.sql('DELETE FROM message WHERE id = ?').run(id);
    }
    context.sql('DELETE FROM signature_finding WHERE id NOT IN (SELECT finding FROM signature)').run();
  });
  return ids.length;
}

/** Tables whose rows say something of a message. */
function tablesOfMessages(context: AccountContext): string[] {
  return context
    .sql<string>(
      `SELECT DISTINCT s.name FROM sqlite_schema s, pragma_foreign_key_list(s.name) f
       WHERE s.type = 'table' AND f."table" = 'message'`,
    )
    .pluck()
    .all()
    .filter(table => !HOLDING.has(table));
}
