import type { AccountContext } from '../database/context.ts';

/** Pages of the index (4 KB each) that one step writes, about. */
const PAGES = 128;

/**
 * A step towards fewer segments in the index: each commit adds one, and a search looks into all of them. Whether there
 * is more to do.
 */
export function mergeIndex(context: AccountContext): boolean {
  return context.write(() => ['search', 'gram'].some(table => merge(context, table)));
}

function merge(context: AccountContext, table: string): boolean {
  const changes = context.sql<number>('SELECT total_changes()').pluck();
  const before = changes.get() ?? 0;
  context.sql(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`).run(PAGES);
  // The command itself counts as one (https://sqlite.org/fts5.html section 6.8).
  return (changes.get() ?? 0) - before > 1;
}
