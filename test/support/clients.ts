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

/** Where a synchronising client finds its account, and where it keeps its copy. */
export interface SyncAccount {
  readonly port: number;
  readonly caFile: string;
  readonly user: string;
  readonly password: string;
  readonly maildirs: string;
}

/**
 * One run of mbsync over one account, implicit TLS.
 * @param channel lines of the channel: `Patterns *`, `Expunge Both` ...
 */
export async function runMbsync(directory: string, account: SyncAccount, channel: readonly string[]): Promise<Outcome> {
  const file = join(directory, 'mbsyncrc');
  await writeFile(
    file,
    `IMAPAccount archivia
Host localhost
Port ${account.port}
User ${account.user}
Pass ${account.password}
SSLType IMAPS
CertificateFile ${account.caFile}

IMAPStore far
Account archivia

MaildirStore near
Path ${account.maildirs}/
Inbox ${account.maildirs}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Create Near
Sync All
SyncState *
${channel.join('\n')}
`,
  );
  return run('mbsync', ['-c', file, '-a'], { env: { HOME: directory } });
}

/** One run of OfflineIMAP over every folder; Maildirs are named with dots between the levels. */
export async function runOfflineImap(directory: string, account: SyncAccount): Promise<Outcome> {
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
