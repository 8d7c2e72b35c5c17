import type { ServiceTerm } from '../store/service-term.ts';
import type { AccountStore } from '../store/types.ts';
import { CliError, WRONG_USE } from './command.ts';

export const TERM_ACTIONS = ['term', 'notice', 'renew'] as const;
export type TermAction = (typeof TERM_ACTIONS)[number];

export interface TermOptions {
  /** First and last day, `YYYY-MM-DD`. */
  readonly start: string | undefined;
  readonly end: string | undefined;
}

/** Changes an account's service term, in its journal, and tells the user by a message in `Rapporti di versamento`. */
export async function changeTerm(
  account: AccountStore,
  action: TermAction,
  options: TermOptions,
): Promise<ServiceTerm> {
  const [
    { termOf, withNotice, renewed, lastDayOf },
    { fileServiceNotice, noticeOfEnd, noticeOfRenewal },
    { romeDate, romeDay },
  ] = await Promise.all([
    import('../conservation/term/plan.ts'),
    import('../conservation/term/notices.ts'),
    import('../store/catalog/rome.ts'),
  ]);
  const now = Date.now();
  const before = await account.serviceTerm();
  if (action === 'term') {
    const term = termOf(options.start ?? romeDate(before?.start ?? now), options.end ?? null);
    if (term === null) throw new CliError(WRONG_USE, '--start and --end are days such as 2026-12-31, in this order');
    await account.setServiceTerm(term, 'service-term', 'cli');
    return term;
  }
  if (before === null)
    throw new CliError(WRONG_USE, `${account.address} has no service term: give it one with "account term"`);
  const end = options.end === undefined ? null : (romeDay(options.end)?.end ?? 0);
  if (end !== null && end <= before.start)
    throw new CliError(WRONG_USE, '--end is a day after the start, such as 2026-12-31');
  const term = action === 'notice' ? withNotice(before, now, end) : renewed(before, now, end);
  await account.setServiceTerm(term, action === 'notice' ? 'service-notice' : 'service-renewed', 'cli');
  const lastDay = lastDayOf(term);
  await fileServiceNotice(account, action === 'notice' ? noticeOfEnd(lastDay) : noticeOfRenewal(lastDay), now);
  return term;
}

export interface TermSummary {
  readonly firstDay: string;
  readonly lastDay: string;
  /** false: notice was given, and the last day is the end. */
  readonly renewsItself: boolean;
  /** Whether messages are archived and conserved now. */
  readonly served: boolean;
}

export async function summariseTerm(term: ServiceTerm): Promise<TermSummary> {
  const [{ lastDayOf }, { romeDate }, { isServed }] = await Promise.all([
    import('../conservation/term/plan.ts'),
    import('../store/catalog/rome.ts'),
    import('../store/service-term.ts'),
  ]);
  return {
    firstDay: romeDate(term.start),
    lastDay: lastDayOf(term),
    renewsItself: term.noticeAt === null,
    served: isServed(term, Date.now()),
  };
}

export function termInWords({ firstDay, lastDay, renewsItself, served }: TermSummary): string {
  const end = renewsItself ? 'renewed by itself' : 'ends then: notice was given';
  return `${firstDay} to ${lastDay}, ${end}${served ? '' : '; views are read-only now'}`;
}
