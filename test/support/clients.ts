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

/** One run of OfflineIMAP over every folder; Maildirs are named with dots between the levels. */
export async function runOfflineImap(
  directory: string,
  account: {
    readonly port: number;
    readonly caFile: string;
    readonly user: string;
    readonly password: string;
    readonly maildirs: string;
  },
): Promise<Outcome> {
  const file = join(directory, 'offlineimaprc');
  await writeFile(
    file,
    `[general]
accounts = Prova
metadata = ${join(directory, 'offlineimap-metadata')}
maxsyncaccounts = 1
ui = basic
[Account Prova]
localrepository = Qui
remoterepository = Archivia
[Repository Qui]
type = Maildir
localfolders = ${account.maildirs}
sep = .
[Repository Archivia]
type = IMAP
remotehost = localhost
remoteport = ${account.port}
ssl = yes
sslcacertfile = ${account.caFile}
remoteuser = ${account.user}
remotepass = ${account.password}
auth_mechanisms = PLAIN, LOGIN
maxconnections = 2
`,
  );
  return run('offlineimap', ['-o', '-c', file], { env: { HOME: directory } });
}
