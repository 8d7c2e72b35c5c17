import { NoticeQueue } from '../alerts/notice-queue.ts';
import { quotaLevels } from '../alerts/quota-alerts.ts';
import { REFUSED } from '../archiver/state.ts';
import { unconfirmedSendings } from '../smtp/sendings.ts';
import type { AccountStore } from '../store/types.ts';

/** What somebody should know of an account, as it was when the server last ran. `faults` want something done. */
export async function accountState(account: AccountStore): Promise<{ faults: string[]; remarks: string[] }> {
  const faults: string[] = [];
  const remarks: string[] = [];
  if ((await account.setting<boolean>(REFUSED)) === true) {
    faults.push('archiving waits for a login: the provider refused the stored password');
  }
  for (const [name, level] of await quotaLevels(account)) {
    (level === 100 ? faults : remarks).push(`${name} ${level === 100 ? 'is full' : `above ${level} %`}`);
  }
  const failing = (await new NoticeQueue(account).waiting()).filter(({ attempts }) => attempts > 0);
  if (failing.length > 0) faults.push(`${failing.length} notices could not be sent yet`);
  const unconfirmed = await unconfirmedSendings(account);
  if (unconfirmed > 0) remarks.push(`${unconfirmed} sent messages that the provider has not confirmed`);
  return { faults, remarks };
}
