import type { Account, AccountDirectory, LoginGuard, Vault } from '../store/accounts/types.ts';
import { type Letter, writeLetter } from './letter.ts';
import { withUpstreamInbox } from './upstream-inbox.ts';

export interface InboxServices {
  readonly directory: AccountDirectory;
  readonly vault: Vault;
  readonly guard: LoginGuard;
}

/** Puts a letter into the mailbox's own INBOX, unread, unless it lies there already. */
export async function putIntoInbox(
  account: Account,
  services: InboxServices,
  from: string,
  letter: Omit<Letter, 'to'>,
): Promise<void> {
  const raw = await writeLetter(from, { ...letter, to: [account.address] });
  if (account.upstream.kind === 'remote') {
    return withUpstreamInbox(account, services, false, async client => {
      const found = await client.search({ header: { 'message-id': letter.id } }, { uid: true });
      if (found && found.length > 0) return;
      if (!(await client.append('INBOX', raw))) throw new Error('the upstream took no APPEND');
    });
  }
  const store = await services.directory.store(account);
  const inbox = { tree: 'local', name: 'INBOX' } as const;
  const criteria = { op: 'header', field: 'message-id', needle: letter.id } as const;
  if ((await store.search(inbox, criteria)).length > 0) return;
  const spool = await store.spool();
  await spool.write(raw);
  await store.file(inbox, spool, { flags: [], origin: { direction: 'received', source: 'alert' } });
}
