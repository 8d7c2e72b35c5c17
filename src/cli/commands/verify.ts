import { defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';
import type { Verification } from '../verification.ts';

export const verify = defineCommand({
  command: 'verify [address]',
  describe: 'read every stored message again and compare it with its digest',
  options: yargs => withJson(withConfig(yargs)).positional('address', { type: 'string' }),
  run: async ({ address, config, json }, io) => {
    const [{ chooseStores, withInstallation }, { verifyAccount }] = await Promise.all([
      import('../installation.ts'),
      import('../verification.ts'),
    ]);
    return withInstallation(config, async ({ store }) => {
      const results: Verification[] = [];
      for (const account of await chooseStores(store, address)) results.push(await verifyAccount(account));
      const good = results.every(result => result.damaged.length === 0);
      present(io, json, { good, accounts: results }, () =>
        results.flatMap(result => [
          `${result.address}: ${result.messages} messages, ${result.octets} octets, ${result.damaged.length} damaged`,
          ...result.damaged.map(({ tree, uid, message, reason }) => `  ${tree} UID ${uid} (${message}): ${reason}`),
        ]),
      );
      return good ? GOOD : FAULT;
    });
  },
});
