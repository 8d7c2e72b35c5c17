import type { Damage } from '../../store/maintenance/damage.ts';
import type { Verification } from '../../store/maintenance/verify.ts';
import { defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';

export const verify = defineCommand({
  command: 'verify [address]',
  describe: 'read everything that is stored again and name what is damaged',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('address', { type: 'string' })
      .option('resume', { type: 'boolean', default: false, describe: 'go on where the last run was interrupted' }),
  run: async ({ address, config, json, resume }, io) => {
    const [{ withPremises }, { chooseAccounts, dataKeyOf }, { verifyAccount }] = await Promise.all([
      import('../installation.ts'),
      import('../accounts-on-disk.ts'),
      import('../../store/maintenance/verify.ts'),
    ]);
    return withPremises(config, async ({ loaded, keyring }) => {
      const results: Verification[] = [];
      for (const account of await chooseAccounts(loaded, address)) {
        const dataKey = await dataKeyOf(keyring, account);
        if (typeof dataKey === 'string') {
          results.push(locked(account.address, dataKey));
          continue;
        }
        const progress = (octets: number): void => io.err(`${account.address}: ${octets} octets\n`);
        results.push(await verifyAccount({ ...account, dataKey, resume, progress }));
      }
      const good = results.every(({ damageCount }) => damageCount === 0);
      present(io, json, { good, accounts: results }, () => results.flatMap(describe));
      return good ? GOOD : FAULT;
    });
  },
});

function locked(address: string, reason: string): Verification {
  const damaged: readonly Damage[] = [{ kind: 'account', where: 'account.key', reason }];
  return { address, messages: 0, octets: 0, damageCount: 1, damaged };
}

function describe({ address, messages, octets, damageCount, damaged }: Verification): string[] {
  return [
    `${address}: ${messages} messages, ${octets} octets, ${damageCount} faults`,
    ...damaged.map(
      ({ kind, where, reason, message }) => `  ${kind}: ${where}${message ? ` (${message})` : ''}: ${reason}`,
    ),
    ...(damageCount > damaged.length ? [`  and ${damageCount - damaged.length} more`] : []),
  ];
}
