import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { ConservationConfigError, createConservationService } from '../conservation/index.ts';
import type { ConservationService } from '../conservation/types.ts';
import { loadAnchors } from './anchors.ts';
import { StartError } from './errors.ts';

/** Where nothing is archived there is nothing to conserve. */
const NOTHING: ConservationService = {
  evaluation: false,
  watch: async () => {},
  drain: async () => {},
  renew: async () => [],
  importFile: async () => {
    throw new Error('nothing is archived here (config key archive.enabled)');
  },
  stop: async () => {},
};

/** Conservation as configured. Rejects with a StartError of exit code 2 where the configuration is at fault. */
export async function openConservation(config: Config, logger: Logger): Promise<ConservationService> {
  if (!config.archive.enabled) return NOTHING;
  try {
    return await createConservationService({
      config: config.conservation,
      dataDir: config.dataDir,
      logger,
      anchors: await loadAnchors(config.conservation.gestoriCaFile),
    });
  } catch (error) {
    if (error instanceof ConservationConfigError) throw new StartError(error.message, 2);
    throw error;
  }
}
