import { defineCommand, GOOD, present, withConfig, withJson } from '../command.ts';

export const serve = defineCommand({
  command: 'serve',
  describe: 'run the server until SIGINT or SIGTERM',
  options: yargs => withJson(withConfig(yargs)),
  run: async ({ config: file, json }, io) => {
    // The configuration first: its faults are told without waiting for the rest of the program to load.
    const { loadConfig } = await import('../../config/load.ts');
    const config = await loadConfig(file);
    const [{ createLogger }, { startServer }, { untilSignal }] = await Promise.all([
      import('../../server/logger.ts'),
      import('../../server.ts'),
      import('../signals.ts'),
    ]);
    const stopping = untilSignal();
    const logger = createLogger(config.config.log.level, json ? 'stderr' : 'stdout');
    const server = await startServer(config, { logger });
    if (json) present(io, true, { ports: server.ports }, () => []);
    const signal = await stopping;
    logger.info({ signal }, 'stopping');
    await server.stop();
    logger.info('stopped');
    return GOOD;
  },
});
