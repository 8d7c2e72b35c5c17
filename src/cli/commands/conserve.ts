import type { ConservationService } from '../../conservation/types.ts';
import type { AccountStore } from '../../store/types.ts';
import { defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';

interface Outcome {
  readonly address: string;
  readonly packages: readonly { readonly id: string; readonly messages: number }[];
  /** Messages still in the queue. */
  readonly waiting: number;
  /** Why the work stopped before its end. */
  readonly error: string | null;
}

/** Enough to say "many". */
const COUNT_LIMIT = 10_000;

export const conserve = defineCommand({
  command: 'conserve [address]',
  describe: 'work off the conservation queues now',
  options: yargs => withJson(withConfig(yargs)).positional('address', { type: 'string' }),
  run: async ({ address, config, json }, io) => {
    const [{ chooseStores, withInstallation }, { openConservation }] = await Promise.all([
      import('../installation.ts'),
      import('../../server/conservation.ts'),
    ]);
    return withInstallation(config, async ({ loaded, store, logger }) => {
      const service = await openConservation(loaded.config, logger);
      try {
        const outcomes: Outcome[] = [];
        for (const account of await chooseStores(store, address)) outcomes.push(await workOff(account, service));
        present(io, json, outcomes, () => outcomes.map(describe));
        return outcomes.every(outcome => outcome.waiting === 0 && outcome.error === null) ? GOOD : FAULT;
      } finally {
        await service.stop();
      }
    });
  },
});

async function workOff(account: AccountStore, service: ConservationService): Promise<Outcome> {
  const before = new Set((await account.packages()).map(({ packageId }) => packageId));
  let error: string | null = null;
  try {
    await service.watch(account);
    await service.drain(account.address);
  } catch (reason) {
    error = reason instanceof Error ? reason.message : String(reason);
  }
  const made = (await account.packages()).filter(({ packageId }) => !before.has(packageId));
  return {
    address: account.address,
    packages: made.map(({ packageId, messages }) => ({ id: packageId, messages: messages.length })),
    waiting: (await account.queued(COUNT_LIMIT)).length,
    error,
  };
}

function describe({ address, packages, waiting, error }: Outcome): string {
  const messages = packages.reduce((sum, made) => sum + made.messages, 0);
  const work = `${messages} messages conserved in ${packages.length} packages, ${waiting} still waiting`;
  return `${address}: ${work}${error === null ? '' : `; ${error}`}`;
}
