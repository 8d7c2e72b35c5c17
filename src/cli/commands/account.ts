import { REFUSED } from '../../archiver/state.ts';
import { PASSWORD_SINCE, passwordExpiry } from '../../store/accounts/password-expiry.ts';
import type { Account } from '../../store/accounts/types.ts';
import type { AccountStore, Store } from '../../store/types.ts';
import {
  changeTerm,
  summariseTerm,
  TERM_ACTIONS,
  type TermAction,
  type TermSummary,
  termInWords,
} from '../account-term.ts';
import { CliError, defineCommand, GOOD, present, WRONG_USE, withConfig, withJson } from '../command.ts';

interface Summary {
  readonly address: string;
  readonly login: string;
  readonly upstream: string;
  readonly plan: string | null;
  /** null while the account has never logged in. */
  readonly stored: {
    readonly archived: number;
    readonly archivedBytes: number;
    readonly conserved: number;
    readonly intake: number;
    readonly queued: boolean;
    readonly packages: number;
    readonly directory: string;
    /** null: the service has no end. */
    readonly term: TermSummary | null;
  } | null;
  readonly password: Password;
}

interface Password {
  /** `refused`: the upstream refuses the one of the last login, and the archiver waits for the next good login. */
  readonly state: 'none' | 'known' | 'refused';
  /** ISO instants; null: not known, or it does not end by itself. */
  readonly since: string | null;
  readonly expires: string | null;
}

export const account = defineCommand({
  command: 'account <action> [address]',
  describe: 'list the accounts, show one, or change its service term',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('action', { choices: ['list', 'show', ...TERM_ACTIONS] as const, demandOption: true })
      .positional('address', { type: 'string' })
      .option('start', {
        type: 'string',
        requiresArg: true,
        describe: 'term: first day, YYYY-MM-DD; today when absent',
      })
      .option('end', {
        type: 'string',
        requiresArg: true,
        describe: 'term, notice, renew: last day; a year after the start or the last end when absent',
      }),
  run: async ({ action, address, start, end, config, json }, io) => {
    if (action !== 'list' && address === undefined) throw new CliError(WRONG_USE, `account ${action} needs an address`);
    if (action === 'list' && address !== undefined) throw new CliError(WRONG_USE, 'account list takes no address');
    const { withInstallation } = await import('../installation.ts');
    return withInstallation(config, async ({ directory, store }) => {
      const wanted = address?.toLowerCase();
      const accounts = (await directory.all()).filter(one => wanted === undefined || one.address === wanted);
      if (wanted !== undefined && accounts.length === 0) throw new CliError(WRONG_USE, `no account ${wanted}`);
      if (isTermAction(action) && wanted !== undefined) {
        await changeTerm(await store.account(wanted, { create: true }), action, { start, end });
      }
      const summaries: Summary[] = [];
      for (const one of accounts) summaries.push(await summarise(one, store));
      const document = action === 'list' ? summaries : summaries[0];
      present(io, json, document, () => summaries.flatMap(summary => describe(summary, action !== 'list')));
      return GOOD;
    });
  },
});

function isTermAction(action: string): action is TermAction {
  return TERM_ACTIONS.some(name => name === action);
}

async function summarise(one: Account, store: Store): Promise<Summary> {
  const known = (await store.addresses()).includes(one.address);
  return {
    address: one.address,
    login: one.login,
    upstream: one.upstream.kind === 'local' ? 'local' : one.upstream.name,
    plan: one.plan,
    stored: known ? await count(await store.account(one.address)) : null,
    password: known
      ? await passwordOf(one, await store.account(one.address))
      : { state: 'none', since: null, expires: null },
  };
}

async function passwordOf(one: Account, store: AccountStore): Promise<Password> {
  const since = await store.setting<number>(PASSWORD_SINCE);
  const days = one.upstream.kind === 'remote' ? one.upstream.passwordDays : undefined;
  const refused = (await store.setting<boolean>(REFUSED)) === true;
  return {
    state: refused ? 'refused' : since === null ? 'none' : 'known',
    since: iso(since),
    expires: iso(passwordExpiry(since, days, Date.now())?.at ?? null),
  };
}

function iso(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}

async function count(store: AccountStore): Promise<Summary['stored']> {
  const [archive, intake] = await store.status([{ tree: 'archive' }, { tree: 'intake' }]);
  const packages = await store.packages();
  const term = await store.serviceTerm();
  return {
    archived: archive?.messages ?? 0,
    archivedBytes: archive?.size ?? 0,
    conserved: packages.reduce((sum, sealed) => sum + sealed.messages.length, 0),
    intake: intake?.messages ?? 0,
    queued: (await store.queued(1)).length > 0,
    packages: packages.length,
    directory: store.directory,
    term: term === null ? null : await summariseTerm(term),
  };
}

function describe({ address, login, upstream, plan, stored, password }: Summary, full: boolean): string[] {
  const refused = password.state === 'refused' ? ', the upstream refuses the password' : '';
  const ends = password.expires === null ? '' : `, ends about ${password.expires.slice(0, 10)}`;
  const archived = stored === null ? 'never logged in' : `${stored.archived} archived, ${stored.conserved} conserved`;
  if (!full)
    return [`${address}  ${upstream}  ${archived}${refused}${ends === '' ? '' : `, password${ends.slice(1)}`}`];
  return [
    `address       ${address}`,
    `login         ${login}`,
    `upstream      ${upstream}`,
    `plan          ${plan ?? '-'}`,
    `password      ${password.state}${password.since === null ? '' : ` since ${password.since.slice(0, 10)}`}${ends}`,
    ...(stored === null
      ? ['stored        nothing: nobody has logged in yet']
      : [
          `archived      ${stored.archived} messages, ${stored.archivedBytes} octets`,
          `conserved     ${stored.conserved} messages in ${stored.packages} packages`,
          `waiting       ${stored.intake} in --ARCHIVIA--${stored.queued ? ', queue not empty' : ''}`,
          `directory     ${stored.directory}`,
          `service       ${stored.term === null ? 'no end' : termInWords(stored.term)}`,
        ]),
  ];
}
