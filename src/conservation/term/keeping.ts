/** Each day: terms that go on by themselves are renewed, and of one that has ended the user is told. */
import type { AccountStore } from '../../store/types.ts';
import { fileServiceNotice, noticeEnded } from './notices.ts';
import { lastDayOf, renewed } from './plan.ts';

/** End of the term of which the user was told that it has ended. */
const TOLD = 'service.told';

export async function keepTerm(account: AccountStore, now: number): Promise<void> {
  const term = await account.serviceTerm();
  if (term === null || now < term.end) return;
  if (term.noticeAt === null) {
    await account.setServiceTerm(renewed(term, now, null), 'service-renewed', 'contract');
    return;
  }
  if ((await account.setting<number>(TOLD)) === term.end) return;
  await fileServiceNotice(account, noticeEnded(lastDayOf(term)), term.end);
  await account.appendJournal('service-ended', 'contract', { term });
  await account.setSetting(TOLD, term.end);
}
