import type { AccountBackup } from '../../store/maintenance/backup.ts';
import { CliError, defineCommand, FAULT, GOOD, present, WRONG_USE, withConfig, withJson } from '../command.ts';

export const backup = defineCommand({
  command: 'backup <directory>',
  describe: 'copy what is stored, also while the server runs; what was copied before is not copied again',
  options: yargs => withJson(withConfig(yargs)).positional('directory', { type: 'string', demandOption: true }),
  run: async ({ config, directory, json }, io) => {
    const [{ resolve }, { stat }, { loadConfig }, { lockDataDirectory }, { openKeyring, vaultKeyFile }, copying] =
      await Promise.all([
        import('node:path'),
        import('node:fs/promises'),
        import('../../config/load.ts'),
        import('../../server/data-lock.ts'),
        import('../../store/crypto/keyring.ts'),
        import('../../store/maintenance/backup.ts'),
      ]);
    const { dataDir, vault } = (await loadConfig(config)).config;
    const target = resolve(directory);
    if (target === dataDir || target.startsWith(`${dataDir}/`) || dataDir.startsWith(`${target}/`)) {
      throw new CliError(WRONG_USE, `${target} and the data directory ${dataDir} lie in one another`);
    }
    if ((await stat(vaultKeyFile(dataDir)).catch(() => null)) === null) {
      throw new CliError(FAULT, `${dataDir} holds nothing yet`);
    }
    const keyring = await openKeyring(dataDir, vault).catch((error: Error) => {
      throw new CliError(FAULT, error.message);
    });
    // The server's directory is not locked: only two backups into one place must not meet.
    const release = await lockDataDirectory(target);
    try {
      const accounts = await copying.backup({ dataDir, target, keyring });
      const good = accounts.every(({ damaged }) => damaged.length === 0);
      present(io, json, { good, directory: target, accounts }, () => [
        ...accounts.flatMap(describe),
        `the master key (${keyring.master.source}) is not in the backup: keep it elsewhere, nothing opens without it`,
      ]);
      return good ? GOOD : FAULT;
    } finally {
      release();
    }
  },
});

function describe({ address, seq, copiedBytes, totalBytes, damaged }: AccountBackup): string[] {
  return [
    `${address}: up to transaction ${seq}, ${copiedBytes} octets copied, ${totalBytes} in all`,
    ...damaged.map(({ where, reason }) => `  damaged in the original: ${where}: ${reason}`),
  ];
}
