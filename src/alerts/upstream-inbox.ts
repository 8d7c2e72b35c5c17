import type { ImapFlow } from 'imapflow';
import { loginFailure, upstreamClient } from '../archiver/connect.ts';
import type { Account, LoginGuard, Vault } from '../store/accounts/types.ts';

/**
 * Opens the mailbox's INBOX at its provider for a moment, with the password of the last good login. Rejects when there
 * is none, when it is refused, or when the provider cannot be reached.
 */
export async function withUpstreamInbox<T>(
  account: Account,
  { vault, guard }: { readonly vault: Vault; readonly guard: LoginGuard },
  readOnly: boolean,
  work: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const password = await vault.recall(account.address);
  if (password === null) throw new Error(`no password of ${account.address} is known yet`);
  const client = await upstreamClient(account, password);
  // Errors reach the command under way; without a listener they would end the process.
  client.on('error', () => {});
  try {
    let failure: unknown = new Error('the upstream refuses the password');
    const outcome = await guard.attempt(account.address, password, async () => {
      try {
        await client.connect();
        return 'accepted';
      } catch (error) {
        failure = error;
        return loginFailure(error) === 'refused' ? 'refused' : 'unavailable';
      }
    });
    if (outcome !== 'accepted' || !client.usable) throw failure;
    await client.mailboxOpen('INBOX', { readOnly });
    return await work(client);
  } finally {
    client.close();
  }
}
