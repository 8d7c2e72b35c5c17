import { defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';

/** Nothing is told to the server and nothing believed of it but that it answers. */
const UNCHECKED = { rejectUnauthorized: false };

export const health = defineCommand({
  command: 'health',
  describe: 'ask a running server for its IMAP greeting; for health checks of images and services',
  options: yargs => withJson(withConfig(yargs)),
  run: async ({ config: file, json }, io) => {
    const [{ loadConfig }, { readGreeting }] = await Promise.all([
      import('../../config/load.ts'),
      import('../greeting.ts'),
    ]);
    const { config } = await loadConfig(file);
    const listeners = await Promise.all(
      config.imap.listen.map(async ({ host, port, tls }) => {
        const target = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
        const result = await readGreeting({ host: target, port, tls: tls === 'implicit' ? UNCHECKED : null });
        return { host: target, port, ...result };
      }),
    );
    const healthy = listeners.every(listener => listener.error === null);
    present(io, json, { healthy, listeners }, () =>
      listeners.map(({ host, port, greeting, error }) => `${host}:${port} ${error ?? greeting}`),
    );
    return healthy ? GOOD : FAULT;
  },
});
