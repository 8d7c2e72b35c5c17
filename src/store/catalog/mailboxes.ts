/** CREATE, DELETE, RENAME of local mailboxes (RFC 3501 sections 6.3.3 to 6.3.5). Levels above need not exist. */
import type { AccountContext, Change, TreeRow } from '../database/context.ts';
import { MAX_MAILBOXES } from '../limits.ts';
import { StoreError } from '../types.ts';
import { allEntries, insertEntry, removeEntries } from './entries.ts';
import { Keywords } from './flags.ts';
import { leafFor, PLAIN_LEAF } from './leaves.ts';
import { mailboxName, newMailboxName } from './mailbox-name.ts';
import { treeOf } from './views.ts';

const INBOX = 'INBOX';

export function createMailbox(context: AccountContext, name: string, specialUse?: string): void {
  const canonical = newMailboxName(name);
  context.write(change => {
    if (exists(context, canonical)) throw new StoreError('ALREADYEXISTS', 'La cartella esiste già');
    const count = context.sql<number>("SELECT count(*) FROM tree WHERE kind = 'local'").pluck().get() ?? 0;
    if (count >= MAX_MAILBOXES) throw new StoreError('LIMIT', 'Troppe cartelle');
    if (!exists(context, INBOX)) make(context, change, INBOX, null);
    if (canonical !== INBOX) make(context, change, canonical, specialUse ?? null);
    change.mailboxesChanged();
  });
}

export function deleteMailbox(context: AccountContext, name: string): void {
  const canonical = mailboxName(name);
  if (canonical === INBOX) throw new StoreError('CANNOT', 'La cartella INBOX non si può eliminare');
  context.write(change => {
    const tree = treeOf(context, { tree: 'local', name: canonical });
    context.sql('DELETE FROM entry WHERE tree = ?').run(tree.id);
    context.sql('DELETE FROM tree WHERE id = ?').run(tree.id);
    change.mailboxesChanged();
  });
}

export function renameMailbox(context: AccountContext, from: string, to: string): void {
  const source = mailboxName(from);
  const target = newMailboxName(to);
  context.write(change => {
    if (exists(context, target)) throw new StoreError('ALREADYEXISTS', 'La cartella esiste già');
    if (source === INBOX) moveInbox(context, change, target);
    else renameTree(context, source, target);
    change.mailboxesChanged();
  });
}

/** The mailbox, with everything below it; a level without a mailbox of its own can be renamed for what is below it. */
function renameTree(context: AccountContext, source: string, target: string): void {
  if (target.startsWith(`${source}/`)) throw new StoreError('CANNOT', 'Una cartella non può stare dentro sé stessa');
  const prefix = `${source}/`;
  const below = context
    .sql<{ id: number; name: string }>(
      "SELECT id, name FROM tree WHERE kind = 'local' AND (name = ? OR substr(name, 1, length(?)) = ?)",
    )
    .all(source, prefix, prefix);
  if (below.length === 0) throw new StoreError('NONEXISTENT', 'La cartella non esiste');
  for (const row of below) {
    const name = newMailboxName(target + row.name.slice(source.length));
    if (exists(context, name)) throw new StoreError('ALREADYEXISTS', 'La cartella esiste già');
    context.sql('UPDATE tree SET name = ? WHERE id = ?').run(name, row.id);
  }
}

/** INBOX stays, empty; its messages go to the new mailbox and its inferiors stay where they are. */
function moveInbox(context: AccountContext, change: Change, target: string): void {
  const inbox = treeOf(context, { tree: 'local', name: INBOX });
  const tree = make(context, change, target, null);
  const leaf = leafFor(context, change, tree, PLAIN_LEAF);
  const entries = allEntries(context, inbox);
  const [before, after] = [new Keywords(context, inbox), new Keywords(context, tree)];
  for (const entry of entries) {
    insertEntry(context, change, {
      tree,
      leaf,
      message: entry.message,
      bits: entry.flags,
      keywords: after.encode(before.decode(entry.keywords)),
      internalDate: entry.internal_date,
      size: entry.size,
    });
  }
  removeEntries(context, change, inbox, entries);
}

function make(context: AccountContext, change: Change, name: string, specialUse: string | null): TreeRow {
  context
    .sql("INSERT INTO tree (kind, name, uidvalidity, special_use) VALUES ('local', ?, ?, ?)")
    .run(name, change.uidValidity(), specialUse);
  const tree = treeOf(context, { tree: 'local', name });
  leafFor(context, change, tree, PLAIN_LEAF);
  return tree;
}

function exists(context: AccountContext, name: string): boolean {
  return context.sql("SELECT 1 FROM tree WHERE kind = 'local' AND name = ?").get(name) !== undefined;
}
