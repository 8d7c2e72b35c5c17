import type { AccountDirectory } from '../store/accounts/types.ts';

/** A mailbox of a `local` upstream exists from the start and has its INBOX, whether anybody has logged in or not. */
export async function makeLocalMailboxes(directory: AccountDirectory): Promise<void> {
  for (const account of await directory.all()) {
    if (account.upstream.kind !== 'local') continue;
    const store = await directory.store(account);
    const views = await store.listViews();
    if (views.some(({ view }) => view.tree === 'local' && view.name === 'INBOX')) continue;
    await store.createMailbox('INBOX');
  }
}
