import type { Rebuilt } from '../../store/maintenance/rebuild.ts';
import { CliError, defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';
import { describeRebuilt, isWhole } from '../rebuilt.ts';

interface Failed {
  readonly address: string;
  readonly error: string;
}

export const rebuild = defineCommand({
  command: 'rebuild [address]',
  describe: 'make the database, its index and its counters again from what the segments hold',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('address', { type: 'string' })
      .option('ledger', {
        type: 'boolean',
        default: false,
        describe: 'the other way round: write the ledger in the segments anew, from a sound database',
      })
      .option('force', {
        type: 'boolean',
        default: false,
        describe: 'also where a sound database would be given up for less',
      }),
  run: async ({ address, config, force, json, ledger }, io) => {
    const [
      { availableParallelism },
      { withPremises },
      { chooseAccounts, dataKeyOf },
      rebuilding,
      { Preparing },
      { loadAnchors },
    ] = await Promise.all([
      import('node:os'),
      import('../installation.ts'),
      import('../accounts-on-disk.ts'),
      import('../../store/maintenance/rebuild.ts'),
      import('../../store/ingest/preparing.ts'),
      import('../../server/anchors.ts'),
    ]);
    return withPremises(config, async ({ loaded, keyring, logger }) => {
      const preparing = new Preparing(
        availableParallelism(),
        logger,
        await loadAnchors(loaded.config.conservation.gestoriCaFile),
      );
      const outcomes: (Rebuilt | Failed | { readonly address: string; readonly ledger: number })[] = [];
      try {
        for (const account of await chooseAccounts(loaded, address)) {
          try {
            const dataKey = await dataKeyOf(keyring, account);
            if (typeof dataKey === 'string') throw new CliError(FAULT, dataKey);
            if (ledger) {
              outcomes.push({ address: account.address, ledger: rebuilding.renewLedger({ ...account, dataKey }) });
              continue;
            }
            const progress = (done: number, total: number): void => io.err(`${account.address}: ${done}/${total}\n`);
            outcomes.push(
              await rebuilding.rebuildAccount({ ...account, dataKey, preparing, renumber: false, force, progress }),
            );
          } catch (error) {
            outcomes.push({ address: account.address, error: error instanceof Error ? error.message : String(error) });
          }
        }
      } finally {
        await preparing.close();
      }
      const good = outcomes.every(outcome => !('error' in outcome) && ('ledger' in outcome || isWhole(outcome)));
      present(io, json, { good, accounts: outcomes }, () =>
        outcomes.flatMap(outcome => {
          if ('error' in outcome) return [`${outcome.address}: ${outcome.error}`];
          if ('ledger' in outcome) return [`${outcome.address}: ledger written anew, up to record ${outcome.ledger}`];
          return describeRebuilt(outcome);
        }),
      );
      return good ? GOOD : FAULT;
    });
  },
});
