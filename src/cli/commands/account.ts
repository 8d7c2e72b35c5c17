import type { Account } from '../../store/accounts/types.ts';
import type { AccountStore, Store } from '../../store/types.ts';
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
  } | null;
}

export const account = defineCommand({
  command: 'account <action> [address]',
  describe: 'list the accounts, or show one',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('action', { choices: ['list', 'show'] as const, demandOption: true })
      .positional('address', { type: 'string' }),
  run: async ({ action, address, config, json }, io) => {
    if (action === 'show' && address === undefined) throw new CliError(WRONG_USE, 'account show needs an address');
    if (action === 'list' && address !== undefined) throw new CliError(WRONG_USE, 'account list takes no address');
    const { withInstallation } = await import('../installation.ts');
    return withInstallation(config, async ({ directory, store }) => {
      const wanted = address?.toLowerCase();
      const accounts = (await directory.all()).filter(one => wanted === undefined || one.address === wanted);
      if (wanted !== undefined && accounts.length === 0) throw new CliError(WRONG_USE, `no account ${wanted}`);
      const summaries: Summary[] = [];
      for (const one of accounts) summaries.push(await summarise(one, store));
      const document = action === 'list' ? summaries : summaries[0];
      present(io, json, document, () => summaries.flatMap(summary => describe(summary, action === 'show')));
      return GOOD;
    });
  },
});

async function summarise(one: Account, store: Store): Promise<Summary> {
  const known = (await store.addresses()).includes(one.address);
  return {
    address: one.address,
    login: one.login,
    upstream: one.upstream.kind === 'local' ? 'local' : one.upstream.name,
    plan: one.plan,
    stored: known ? await count(await store.account(one.address)) : null,
  };
}

async function count(store: AccountStore): Promise<Summary['stored']> {
  const [archive, intake] = await store.status([{ tree: 'archive' }, { tree: 'intake' }]);
  const packages = await store.packages();
  return {
    archived: archive?.messages ?? 0,
    archivedBytes: archive?.size ?? 0,
    conserved: packages.reduce((sum, sealed) => sum + sealed.messages.length, 0),
    intake: intake?.messages ?? 0,
    queued: (await store.queued(1)).length > 0,
    packages: packages.length,
    directory: store.directory,
  };
}

function describe({ address, login, upstream, plan, stored }: Summary, full: boolean): string[] {
  const archived = stored === null ? 'never logged in' : `${stored.archived} archived, ${stored.conserved} conserved`;
  if (!full) return [`${address}  ${upstream}  ${archived}`];
  return [
    `address       ${address}`,
    `login         ${login}`,
    `upstream      ${upstream}`,
    `plan          ${plan ?? '-'}`,
    ...(stored === null
      ? ['stored        nothing: nobody has logged in yet']
      : [
          `archived      ${stored.archived} messages, ${stored.archivedBytes} octets`,
          `conserved     ${stored.conserved} messages in ${stored.packages} packages`,
          `waiting       ${stored.intake} in --ARCHIVIA--${stored.queued ? ', queue not empty' : ''}`,
          `directory     ${stored.directory}`,
        ]),
  ];
}
