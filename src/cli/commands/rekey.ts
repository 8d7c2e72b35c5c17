import { defineCommand, GOOD, present, withConfig, withJson } from '../command.ts';

export const rekey = defineCommand({
  command: 'rekey',
  describe: 'change the master key; stored messages are not written again',
  options: yargs =>
    withJson(withConfig(yargs)).option('new-key-file', {
      type: 'string',
      requiresArg: true,
      describe: 'change to the key in this file (otherwise a new one takes the place of the one in force)',
    }),
  run: async ({ config, json, 'new-key-file': newKeyFile }, io) => {
    const [{ withPremises }, { rekey: change }] = await Promise.all([
      import('../installation.ts'),
      import('../../store/maintenance/rekey.ts'),
    ]);
    return withPremises(config, async ({ loaded, keyring }) => {
      const outcome = await change({ dataDir: loaded.config.dataDir, master: keyring.master, newKeyFile });
      present(io, json, outcome, () => [
        `${outcome.files} keys sealed anew: master key ${outcome.newKey} instead of ${outcome.oldKey}`,
        outcome.configure
          ? `set vault.keyFile to ${outcome.keyFile} before the next start; the old key opens nothing any more`
          : `the new key is in ${outcome.keyFile}; back it up: without it nothing can be read`,
      ]);
      return GOOD;
    });
  },
});
