import type { ImapFlow } from 'imapflow';
import type { Freed } from '../../archiver/free-upstream.ts';
import type { Account } from '../../store/accounts/types.ts';
import type { AccountStore, View } from '../../store/types.ts';
import { CliError, defineCommand, FAULT, GOOD, present, WRONG_USE, withConfig, withJson } from '../command.ts';
import { parseDay } from '../day.ts';
import type { Installation } from '../installation.ts';

interface Space {
  readonly address: string;
  readonly archive: { readonly messages: number; readonly octets: number };
  readonly conservation: { readonly messages: number; readonly octets: number };
  readonly intake: { readonly messages: number; readonly octets: number };
  /** Octets; null: the upstream was not asked, or does not say. */
  readonly upstream: { readonly used: number | null; readonly limit: number | null } | null;
  /** Why the upstream could not be asked. */
  readonly error: string | null;
}

interface Compacted {
  readonly address: string;
  readonly freedBytes: number;
  /** Octets of the segments afterwards. */
  readonly storedBytes: number;
}

const DAY_MS = 86_400_000;
const ARCHIVE: View = { tree: 'archive' };

export const space = defineCommand({
  command: 'space [address]',
  describe: 'what is used; delete a period from the archive, or from the provider what is safe here; free the disk',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('address', { type: 'string' })
      .option('delete', { type: 'boolean', default: false, describe: 'delete from the archive what is not conserved' })
      .option('upstream', {
        type: 'boolean',
        default: false,
        describe: "remove from the provider's mailbox what was read and is archived, after comparing both copies",
      })
      .option('compact', {
        type: 'boolean',
        default: false,
        describe: 'give back to the disk what no folder holds any more; the server does so once a day',
      })
      .option('grace-days', {
        type: 'number',
        default: 7,
        describe: '--compact: leave what was deleted within so many days',
      })
      .option('conserved', { type: 'boolean', default: false, describe: '--upstream: only what is conserved' })
      .option('folder', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: '--upstream: these folders; without it, those that are archived',
      })
      .option('per-day', { type: 'number', default: 5000, describe: '--upstream: messages a day at most' })
      .option('since', { type: 'string', requiresArg: true, describe: '--delete: first day, such as 2024-01-01' })
      .option('before', { type: 'string', requiresArg: true, describe: 'the day after the last' })
      .option('yes', {
        type: 'boolean',
        default: false,
        describe: 'do it; without it nothing is deleted, only counted',
      }),
  run: async ({ address, config, json, upstream, folder, since, before, yes, ...options }, io) => {
    const acts = options.delete || upstream;
    if ([options.delete, upstream, options.compact].filter(Boolean).length > 1) {
      throw new CliError(WRONG_USE, 'one of --delete, --upstream, --compact');
    }
    const graceDays = options['grace-days'];
    if (!(graceDays >= 0)) throw new CliError(WRONG_USE, '--grace-days wants a number of days');
    if (acts && (address === undefined || before === undefined)) {
      throw new CliError(WRONG_USE, '--delete and --upstream need an address and --before');
    }
    if (!acts && (since ?? before) !== undefined) throw new CliError(WRONG_USE, '--since and --before need --delete');
    if (upstream && since !== undefined) throw new CliError(WRONG_USE, '--since is for --delete');
    const from = parseDay('since', since);
    const until = parseDay('before', before);
    const { withInstallation } = await import('../installation.ts');
    return withInstallation(config, async installation => {
      const accounts = await chosen(installation, address);
      if (options.compact) {
        const freed: Compacted[] = [];
        for (const account of accounts) freed.push(await compacted(installation, account, graceDays));
        present(io, json, freed, () =>
          freed.map(one => `${one.address}: ${one.freedBytes} octets freed, ${one.storedBytes} octets in use`),
        );
        return GOOD;
      }
      const [only] = accounts;
      if (!acts || only === undefined || until === null) {
        const spaces: Space[] = [];
        for (const account of accounts) spaces.push(await used(installation, account));
        present(io, json, spaces, () => spaces.flatMap(describe));
        return GOOD;
      }
      const store = await installation.directory.store(only);
      if (options.delete) {
        const { deletePeriod } = await import('../../archiver/delete-period.ts');
        const outcome = await deletePeriod(store, from, until, yes);
        present(io, json, { address: only.address, dryRun: !yes, ...outcome }, () => [
          `${only.address}: ${outcome.messages} messages, ${outcome.octets} octets ${yes ? 'deleted' : 'would be deleted'} from the archive; ${outcome.kept} conserved or waiting for it are kept`,
          ...(yes ? [] : ['nothing was deleted: add --yes']),
        ]);
        return GOOD;
      }
      const freed = await freeByHand(installation, only, store, {
        folders: folder,
        before: until,
        conserved: options.conserved,
        perDay: options['per-day'],
        yes,
      });
      present(io, json, { address: only.address, dryRun: !yes, ...freed }, () =>
        describeFreed(only.address, freed, yes),
      );
      return freed.kept.length === 0 ? GOOD : FAULT;
    });
  },
});

async function chosen({ directory, store }: Installation, address: string | undefined): Promise<readonly Account[]> {
  const stored = await store.addresses();
  const wanted = address?.toLowerCase();
  const accounts = (await directory.all()).filter(
    one => stored.includes(one.address) && (wanted === undefined || one.address === wanted),
  );
  if (wanted !== undefined && accounts.length === 0)
    throw new CliError(WRONG_USE, `no account ${wanted} is stored here`);
  return accounts;
}

async function compacted(installation: Installation, account: Account, graceDays: number): Promise<Compacted> {
  const store = await installation.directory.store(account);
  const { freedBytes } = await store.compact({ graceMs: graceDays * DAY_MS });
  return { address: account.address, freedBytes, storedBytes: (await store.figures()).storedBytes };
}

async function used(installation: Installation, account: Account): Promise<Space> {
  const store = await installation.directory.store(account);
  const views: readonly View[] = [ARCHIVE, { tree: 'conservation' }, { tree: 'intake' }];
  const [archive, conservation, intake] = (await store.status(views)).map(({ messages, size }) => ({
    messages,
    octets: size,
  }));
  const none = { messages: 0, octets: 0 };
  let upstream: Space['upstream'] = null;
  let error: string | null = null;
  if (account.upstream.kind === 'remote') {
    try {
      upstream = await visit(installation, account, store, async client => {
        const quota = await client.getQuota('INBOX');
        const storage = quota === false ? undefined : quota.storage;
        return { used: storage?.usage ?? null, limit: storage?.limit ?? null };
      });
    } catch (reason) {
      error = reason instanceof Error ? reason.message : String(reason);
    }
  }
  return {
    address: account.address,
    archive: archive ?? none,
    conservation: conservation ?? none,
    intake: intake ?? none,
    upstream,
    error,
  };
}

async function visit<T>(
  { loaded, store: all }: Installation,
  account: Account,
  store: AccountStore,
  work: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const [{ visitUpstream }, { openVault }] = await Promise.all([
    import('../../archiver/visit.ts'),
    import('../../store/accounts/vault.ts'),
  ]);
  return visitUpstream(account, store, await openVault(loaded.config.dataDir, loaded.config.vault, all), work);
}

async function freeByHand(
  installation: Installation,
  account: Account,
  store: AccountStore,
  wanted: {
    readonly folders: readonly string[];
    readonly before: number;
    readonly conserved: boolean;
    readonly perDay: number;
    readonly yes: boolean;
  },
): Promise<Freed> {
  const { freeUpstream } = await import('../../archiver/free-upstream.ts');
  const folders = wanted.folders.length > 0 ? wanted.folders : (await store.cursors()).map(({ folder }) => folder);
  return visit(installation, account, store, client =>
    freeUpstream(client, store, folders, {
      after: wanted.conserved ? 'conserved' : 'archived',
      keptBefore: null,
      receivedBefore: wanted.before,
      perDay: wanted.perDay,
      dryRun: !wanted.yes,
      actor: 'cli',
      stopped: () => !client.usable,
      logger: installation.logger,
    }),
  );
}

function describeFreed(address: string, { messages, octets, kept }: Freed, yes: boolean): string[] {
  return [
    `${address}: ${messages} messages, ${octets} octets ${yes ? 'removed' : 'could be removed'} at the provider`,
    ...kept.map(one => `  kept: ${one.folder}, UID ${one.uid}: ${one.reason}`),
    ...(yes ? [] : ['nothing was removed: add --yes']),
  ];
}

function describe({ address, archive, conservation, intake, upstream, error }: Space): string[] {
  const line = (name: string, { messages, octets }: Space['archive']): string =>
    `  ${name.padEnd(14)}${messages} messages, ${octets} octets`;
  const limit = upstream?.limit === null || upstream === null ? '' : ` of ${upstream.limit}`;
  return [
    address,
    line('archive', archive),
    line('conservation', conservation),
    line('waiting', intake),
    `  ${'provider'.padEnd(14)}${upstream === null || upstream.used === null ? (error ?? 'does not say') : `${upstream.used}${limit} octets`}`,
  ];
}
