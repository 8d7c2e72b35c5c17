import type { Rebuilt } from '../../store/maintenance/rebuild.ts';
import { CliError, defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';
import { describeRebuilt, isWhole } from '../rebuilt.ts';

export const restore = defineCommand({
  command: 'restore <directory>',
  describe: 'make an empty data directory hold what a backup holds',
  options: yargs => withJson(withConfig(yargs)).positional('directory', { type: 'string', demandOption: true }),
  run: async ({ config, directory, json }, io) => {
    const [
      { resolve },
      { availableParallelism },
      { loadConfig },
      { createLogger },
      { lockDataDirectory },
      restoring,
      { loadAnchors },
    ] = await Promise.all([
      import('node:path'),
      import('node:os'),
      import('../../config/load.ts'),
      import('../../server/logger.ts'),
      import('../../server/data-lock.ts'),
      import('../../store/maintenance/restore.ts'),
      import('../../server/anchors.ts'),
    ]);
    const loaded = await loadConfig(config);
    const release = await lockDataDirectory(loaded.config.dataDir);
    try {
      const accounts: Rebuilt[] = await restoring
        .restore({
          source: resolve(directory),
          dataDir: loaded.config.dataDir,
          keySource: loaded.config.vault,
          threads: availableParallelism(),
          logger: createLogger('error', 'stderr'),
          anchors: await loadAnchors(loaded.config.conservation.gestoriCaFile),
        })
        .catch((error: Error) => {
          throw new CliError(FAULT, error.message);
        });
      const good = accounts.every(isWhole);
      present(io, json, { good, accounts }, () => accounts.flatMap(describeRebuilt));
      return good ? GOOD : FAULT;
    } finally {
      release();
    }
  },
});
