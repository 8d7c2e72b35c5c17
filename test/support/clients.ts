import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import { type Outcome, run } from './processes.ts';

export interface ImapLogin {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** PEM of the authority: implicit TLS. */
  readonly ca?: string;
}

/** A connected imapflow client; its errors surface in the command that meets them. */
export async function connectImap(login: ImapLogin): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: login.port,
    secure: login.ca !== undefined,
    doSTARTTLS: false,
    ...(login.ca === undefined ? {} : { tls: { ca: login.ca, servername: 'localhost' } }),
    auth: { user: login.user, pass: login.password },
    logger: false,
    disableAutoIdle: true,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Python 3 with the script on standard input and the arguments in `sys.argv[1:]`. */
export function runPython(script: string, args: readonly string[] = []): Promise<Outcome> {
  return run('python3', ['-', ...args], { input: script });
}

/** mbsync over every channel of a configuration, which is written into `directory`. */
export async function runMbsync(directory: string, configuration: string): Promise<Outcome> {
  const file = join(directory, 'mbsyncrc');
  await writeFile(file, configuration);
  return run('mbsync', ['-c', file, '-a'], { env: { HOME: directory } });
}
