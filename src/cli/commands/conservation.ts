import type { RenewalStatus } from '../../conservation/index.ts';
import { CliError, defineCommand, FAULT, GOOD, type Io, present, WRONG_USE, withConfig, withJson } from '../command.ts';

interface Report {
  readonly address: string;
  readonly packages: readonly {
    readonly id: string;
    readonly messages: number;
    readonly stampedAt: string | null;
    readonly digest: string;
    /** When the certificate of the last stamp's TSA ends. */
    readonly expires: string | null;
    /** When the stamp should be renewed. */
    readonly renewBy: string | null;
    readonly due: RenewalStatus['due'];
    readonly renewals: number;
    readonly fault: string | null;
  }[];
  /** What `renew` has done. */
  readonly renewed: readonly { readonly packageId: string; readonly kind: string; readonly file: string }[];
  readonly error: string | null;
}

export const conservation = defineCommand({
  command: 'conservation <action> [address] [file]',
  describe: 'time stamps of the packages: what is due, or renew it; import of packages made elsewhere',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('action', { choices: ['status', 'renew', 'import'] as const, demandOption: true })
      .positional('address', { type: 'string' })
      .positional('file', {
        type: 'string',
        describe: 'import: a ZIP that "archivia export" made, or a package of one',
      })
      .option('all', { type: 'boolean', default: false, describe: 'renew: every package, due or not' })
      .option('hash-tree', {
        type: 'boolean',
        default: false,
        describe: 'renew: hash every document anew with a stronger algorithm (SHA-512)',
      }),
  run: async ({ action, address, file, all, 'hash-tree': hashTree, config, json }, io) => {
    if (action === 'import') {
      if (address === undefined || file === undefined) {
        throw new CliError(WRONG_USE, 'conservation import needs an address and a ZIP file');
      }
      return importPackages({ address, file, config, json }, io);
    }
    if (file !== undefined) throw new CliError(WRONG_USE, `conservation ${action} takes no file`);
    const [{ chooseStores, withInstallation }, { openConservation }, { ConservationPool, renewalStatus }] =
      await Promise.all([
        import('../installation.ts'),
        import('../../server/conservation.ts'),
        import('../../conservation/index.ts'),
      ]);
    return withInstallation(config, async ({ loaded, store, logger }) => {
      const service = action === 'renew' ? await openConservation(loaded.config, logger) : null;
      const pool = new ConservationPool([]);
      try {
        const reports: Report[] = [];
        for (const account of await chooseStores(store, address)) {
          let renewed: Report['renewed'] = [];
          let error: string | null = null;
          try {
            await service?.watch(account);
            renewed = (await service?.renew(account.address, { all, hashTree })) ?? [];
          } catch (reason) {
            error = reason instanceof Error ? reason.message : String(reason);
          }
          const statuses = await renewalStatus(pool, account, Date.now());
          reports.push({ address: account.address, packages: statuses.map(describe), renewed, error });
        }
        present(io, json, reports, () => reports.flatMap(lines));
        return reports.every(isGood) ? GOOD : FAULT;
      } finally {
        await pool.close();
        await service?.stop();
      }
    });
  },
});

async function importPackages(
  { address, file, config, json }: Record<'address' | 'file' | 'config', string> & { readonly json: boolean },
  io: Io,
): Promise<number> {
  const [{ withInstallation }, { openConservation }] = await Promise.all([
    import('../installation.ts'),
    import('../../server/conservation.ts'),
  ]);
  return withInstallation(config, async ({ loaded, store, logger }) => {
    const service = await openConservation(loaded.config, logger);
    try {
      const account = await store.account(address, { create: true });
      const { packages, distribution } = await service.importFile(account, file);
      present(io, json, { account: account.address, packages, distribution }, () => [
        ...(distribution === null
          ? []
          : [
              `${distribution.messages.length} messages archived and queued; stamped by ${distribution.authorities.join('; ')}`,
            ]),
        ...packages.map(({ packageId, messages, taken, evaluation, authorities }) => {
          const state = taken ? 'imported' : 'was here already';
          return `${packageId}: ${messages} messages, ${state}${evaluation ? ', for evaluation' : ''}; stamped by ${authorities.join('; ')}`;
        }),
      ]);
      return GOOD;
    } catch (error) {
      if (error instanceof Error && error.name === 'ImportError')
        throw new CliError(FAULT, `${file}: ${error.message}`);
      throw error;
    } finally {
      await service.stop();
    }
  });
}

function describe(status: RenewalStatus): Report['packages'][number] {
  const broken = status.fault !== null;
  return {
    id: status.packageId,
    messages: status.messages.length,
    stampedAt: broken ? null : iso(status.stampedAt),
    digest: status.digest,
    expires: broken ? null : iso(status.expires),
    renewBy: broken ? null : iso(status.dueAt),
    due: status.due,
    renewals: status.renewals,
    fault: status.fault,
  };
}

function isGood({ error, packages }: Report): boolean {
  return error === null && packages.every(({ fault, due }) => fault === null && due === null);
}

function lines({ address, packages, renewed, error }: Report): string[] {
  const due = packages.filter(one => one.due !== null);
  const next = packages.map(one => one.renewBy ?? '').toSorted()[0] ?? '';
  return [
    `${address}: ${packages.length} packages, ${due.length} due for renewal${next === '' ? '' : `, the first by ${next}`}`,
    ...renewed.map(one => `  ${one.packageId}: renewed (${one.kind}), ${one.file}`),
    ...due.map(one => `  ${one.id}: due (${one.due}), the certificate of its stamp ends ${one.expires}`),
    ...packages.filter(one => one.fault !== null).map(one => `  ${one.id}: ${one.fault}`),
    ...(error === null ? [] : [`  ${error}`]),
  ];
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
