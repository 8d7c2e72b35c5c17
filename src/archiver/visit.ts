import type { ImapFlow } from 'imapflow';
import type { Account, Vault } from '../store/accounts/types.ts';
import type { AccountStore } from '../store/types.ts';
import { loginFailure, upstreamClient } from './connect.ts';
import { REFUSED } from './state.ts';

/**
 * Logs in with the password of the last good login, does the work and leaves. A password that the upstream refused is
 * not tried again: providers lock a mailbox after a few. Rejects with an Error that says what to do.
 */
export async function visitUpstream<T>(
  account: Account,
  store: AccountStore,
  vault: Vault,
  work: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const password = await vault.recall(account.address);
  if (password === null) throw new Error(`no password of ${account.address} is known: log in once with a mail client`);
  const refused = `the upstream refuses the password of ${account.address}: log in once with a mail client`;
  if ((await store.setting<boolean>(REFUSED)) === true) throw new Error(refused);
  const client = await upstreamClient(account, password);
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    client.close();
    if (loginFailure(error) !== 'refused') throw error;
    await store.setSetting(REFUSED, true);
    throw new Error(refused);
  }
  try {
    return await work(client);
  } finally {
    await client.logout().catch(() => {});
    client.close();
  }
}
