import { defineCommand, GOOD, present, withJson } from '../command.ts';

export const demo = defineCommand({
  command: ['demo', '$0'],
  describe: 'a PEC mailbox with sample messages and the proxy in front of it, on this machine only',
  options: yargs =>
    withJson(yargs)
      .option('dir', {
        type: 'string',
        requiresArg: true,
        describe: 'keep the data in this directory (otherwise temporary, removed at the end)',
      })
      .option('port', { type: 'number', default: 1143, describe: 'IMAP port; a free one when it is taken' })
      .option('log', { type: 'boolean', default: false, describe: 'show the servers’ logs' }),
  run: async ({ dir, port, log, json }, io) => {
    const [{ startDemo }, { demoInstructions }, { createLogger }, { untilSignal }] = await Promise.all([
      import('../../demo/start.ts'),
      import('../../demo/instructions.ts'),
      import('../../server/logger.ts'),
      import('../signals.ts'),
    ]);
    const stopping = untilSignal();
    const running = await startDemo({
      directory: dir ?? null,
      port,
      logger: createLogger(log ? 'info' : 'error', 'stderr'),
    });
    present(io, json, running.access, () => demoInstructions(running.access));
    await stopping;
    io.err('\nChiusura in corso...\n');
    await running.stop();
    return GOOD;
  },
});
