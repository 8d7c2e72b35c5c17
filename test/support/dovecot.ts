/**
 * A private Dovecot 2.3 in a directory of its own: real Maildir mailboxes, per-user passwords, SPECIAL-USE folders.
 * Runs as root (mail belongs to the unprivileged user `mail`) and as a normal user (everything belongs to that user).
 */
import type { ChildProcess } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { makeServerCertificates } from './certificates.ts';
import { end, eventually, freePort, must, start } from './processes.ts';
import { temporaryDirectory } from './temp.ts';

export interface DovecotOptions {
  /** Hierarchy separator; `/` when absent. */
  readonly separator?: '/' | '.';
  /** Personal namespace prefix, e.g. `INBOX.`. */
  readonly prefix?: string;
  /** Implicit TLS on a second port and STARTTLS on the first, under an authority of the test's own. */
  readonly tls?: boolean;
  /** Replaces the whole list that Dovecot advertises after login. */
  readonly capability?: string;
  /** Name to password. */
  readonly users?: Readonly<Record<string, string>>;
  /** Storage limit of every mailbox, e.g. `20M`. */
  readonly quota?: string;
  /** RFC 4314, with rights kept in files. */
  readonly acl?: boolean;
  /** COMPRESS=DEFLATE (RFC 4978). */
  readonly compress?: boolean;
  /** Sessions at the same time beyond the usual hundred. */
  readonly sessions?: number;
  /** Sessions of one user at the same time; more are refused. */
  readonly userSessions?: number;
  /** Full text index by Debian's dovecot-fts-xapian, which must be installed. */
  readonly xapian?: boolean;
  /** Port of another Dovecot: this one is its login proxy and has no mail of its own. */
  readonly proxyTo?: number;
}

export interface Dovecot {
  readonly host: '127.0.0.1';
  /** Plain, with STARTTLS where `tls` was asked for. */
  readonly imapPort: number;
  readonly imapsPort: number | null;
  readonly caFile: string | null;
  readonly directory: string;
  addUser(name: string, password: string): Promise<void>;
  /** Copies a mailbox with its UIDs and indexes: two users whose answers are the same bytes. */
  cloneUser(from: string, to: string, password: string): Promise<void>;
  /** Local delivery, as an MDA does it: into the Maildir, without IMAP. `folder` is INBOX or an ASCII name. */
  deliver(user: string, folder: string, raw: Uint8Array, options?: DeliveryOptions): Promise<void>;
  /** Raw bytes of every message file of a folder, deleted-but-not-expunged ones included. */
  stored(user: string, folder: string): Promise<Buffer[]>;
  /** What the log says so far. */
  log(): Promise<string>;
  /** Logins that Dovecot refused because of the password. */
  refusedLogins(user: string): Promise<number>;
  /** While the server is halted: a folder gets new UIDs and a new UIDVALIDITY, as after a provider's migration. */
  renumber(user: string, folder: string): Promise<void>;
  /** Ends the server as an outage does; mail stays. */
  halt(): Promise<void>;
  /** Comes back on the same ports. */
  resume(): Promise<void>;
  /** Ends the server and removes its directory. */
  stop(): Promise<void>;
}

interface DeliveryOptions {
  /** Maildir knows these five. */
  readonly flags?: readonly ('\\Seen' | '\\Answered' | '\\Flagged' | '\\Deleted' | '\\Draft')[];
  readonly internalDate?: Date;
}

const MAILDIR_FLAGS = { '\\Draft': 'D', '\\Flagged': 'F', '\\Answered': 'R', '\\Seen': 'S', '\\Deleted': 'T' } as const;

/** Debian's `mail`: there on every system, owns nothing that matters here. */
const MAIL_ID = 8;

export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const asRoot = process.getuid?.() === 0;
  const temporary = await temporaryDirectory('dovecot');
  const { path: directory } = temporary;
  const file = (name: string) => join(directory, name);
  await chmod(directory, 0o755);
  await mkdir(file('mail'));
  await mkdir(file('run'));
  await own(file('mail'));

  const certificates = options.tls === true ? await makeServerCertificates(directory) : null;
  const imapPort = await freePort();
  const imapsPort = certificates === null ? null : await freePort();
  const group = (await must('id', ['-gn'])).stdout.trim();
  await mkdir(file('passwords'));
  for (const [name, password] of Object.entries(options.users ?? {})) await addUser(name, password);
  await writeFile(file('dovecot.conf'), configuration());

  let master: ChildProcess | null = null;
  let delivered = 0;
  await resume().catch(async error => {
    await temporary.remove();
    throw error;
  });

  async function own(path: string): Promise<void> {
    if (asRoot) await chown(path, MAIL_ID, MAIL_ID);
  }

  /** A file for each user: Dovecot looks for changes of one that it has read only once a second. */
  function addUser(name: string, password: string): Promise<void> {
    return writeFile(
      join(file('passwords'), name),
      `${name}:{PLAIN}${password}
`,
      { mode: 0o644 },
    );
  }

  function configuration(): string {
    const unprivileged = [
      `default_internal_user = ${userInfo().username}`,
      `default_internal_group = ${group}`,
      `default_login_user = ${userInfo().username}`,
    ];
    const tls =
      certificates === null
        ? ['ssl = no']
        : ['ssl = yes', `ssl_cert = <${certificates.certFile}`, `ssl_key = <${certificates.keyFile}`];
    const plugins = [
      ...(options.quota === undefined ? [] : ['quota']),
      ...(options.acl === true ? ['acl'] : []),
      ...(options.xapian === true ? ['fts', 'fts_xapian'] : []),
    ];
    const imapPlugins = [
      ...plugins.flatMap(name => (name.startsWith('fts') ? [name] : [name, `imap_${name}`])),
      ...(options.compress ? ['imap_zlib'] : []),
    ];
    const extensions = [
      `mail_plugins = ${plugins.join(' ')}`,
      `protocol imap {\n  mail_plugins = ${imapPlugins.join(' ')}\n}`,
      ...(options.quota === undefined
        ? []
        : [`plugin {\n  quota = count:Casella\n  quota_vsizes = yes\n  quota_rule = *:storage=${options.quota}\n}`]),
      ...(options.acl === true ? ['plugin {\n  acl = vfile\n}'] : []),
      ...(options.xapian === true
        ? [
            'plugin {\n  fts = xapian\n  fts_xapian = partial=3 full=20\n  fts_autoindex = no\n}',
            'service indexer-worker {\n  vsz_limit = 2G\n}',
          ]
        : []),
    ];
    const prefix = options.prefix ?? '';
    return `${[
      `base_dir = ${file('run')}`,
      `state_dir = ${file('run')}`,
      `log_path = ${file('dovecot.log')}`,
      'protocols = imap',
      'listen = 127.0.0.1',
      'disable_plaintext_auth = no',
      'auth_verbose = yes',
      'auth_failure_delay = 0',
      `mail_max_userip_connections = ${options.userSessions ?? 1000}`,
      'mail_fsync = never',
      `mail_location = maildir:${file('mail')}/%u`,
      `mail_uid = ${asRoot ? MAIL_ID : process.getuid?.()}`,
      `mail_gid = ${asRoot ? MAIL_ID : process.getgid?.()}`,
      'first_valid_uid = 1',
      ...(asRoot ? [] : unprivileged),
      ...tls,
      ...extensions,
      ...(options.sessions === undefined
        ? []
        : [
            'default_client_limit = 10000',
            `service imap {\n  process_limit = ${options.sessions}\n}`,
            `service imap-login {\n  service_count = 0\n  client_limit = ${options.sessions}\n  vsz_limit = 2G\n}`,
          ]),
      ...(options.capability === undefined ? [] : [`imap_capability = ${options.capability}`]),
      options.proxyTo === undefined
        ? `passdb {\n  driver = passwd-file\n  args = ${file('passwords')}/%u\n}`
        : `passdb {\n  driver = static\n  args = proxy=y host=127.0.0.1 port=${options.proxyTo} nopassword=y\n}`,
      'userdb {\n  driver = static\n  args = home=/nonexistent\n}',
      'service imap-login {',
      '  chroot =',
      `  inet_listener imap {\n    port = ${imapPort}\n  }`,
      `  inet_listener imaps {\n    port = ${imapsPort ?? 0}\n    ssl = yes\n  }`,
      '}',
      // No delay that grows with each refused login: the tests count refusals.
      'service anvil {\n  chroot =\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}',
      'namespace inbox {',
      '  inbox = yes',
      `  separator = ${options.separator ?? '/'}`,
      `  prefix = ${prefix}`,
      '  mailbox "Posta inviata" {\n    auto = subscribe\n    special_use = \\Sent\n  }',
      '  mailbox Bozze {\n    auto = subscribe\n    special_use = \\Drafts\n  }',
      '  mailbox Cestino {\n    auto = subscribe\n    special_use = \\Trash\n  }',
      '}',
    ].join('\n')}\n`;
  }

  /** Maildir++: INBOX is the root, `A/B` the directory `.A.B`. */
  function maildir(user: string, folder: string): string {
    const prefix = options.prefix ?? '';
    const name = prefix !== '' && folder.startsWith(prefix) ? folder.slice(prefix.length) : folder;
    const root = join(directory, 'mail', user);
    return /^inbox$/i.test(name) ? root : join(root, `.${name.replaceAll(options.separator ?? '/', '.')}`);
  }

  async function makeMaildir(path: string): Promise<void> {
    for (const name of ['', 'tmp', 'new', 'cur']) {
      const made = await mkdir(join(path, name), { recursive: true });
      if (made !== undefined) await own(join(path, name));
    }
  }

  async function deliver(user: string, folder: string, raw: Uint8Array, delivery: DeliveryOptions = {}): Promise<void> {
    const path = maildir(user, folder);
    await makeMaildir(join(directory, 'mail', user));
    await makeMaildir(path);
    const date = delivery.internalDate ?? new Date();
    const letters = (delivery.flags ?? []).map(flag => MAILDIR_FLAGS[flag]).sort();
    const name = `${Math.floor(date.getTime() / 1000)}.P${process.pid}Q${String(delivered++).padStart(7, '0')}.prova`;
    const temporaryFile = join(path, 'tmp', name);
    await writeFile(temporaryFile, raw);
    await utimes(temporaryFile, date, date);
    await own(temporaryFile);
    await rename(
      temporaryFile,
      letters.length === 0 ? join(path, 'new', name) : join(path, 'cur', `${name}:2,${letters.join('')}`),
    );
  }

  async function stored(user: string, folder: string): Promise<Buffer[]> {
    const contents: Buffer[] = [];
    for (const part of ['cur', 'new']) {
      const path = join(maildir(user, folder), part);
      for (const name of await readdir(path).catch(() => [])) {
        // Dovecot moves a message from `new` to `cur` when somebody looks, and renames it with its flags.
        const octets = await readFile(join(path, name)).catch(() => null);
        if (octets !== null) contents.push(octets);
      }
    }
    return contents;
  }

  async function renumber(user: string, folder: string): Promise<void> {
    const path = maildir(user, folder);
    const names = await readdir(path);
    for (const name of names) if (/^dovecot[-.]/.test(name)) await rm(join(path, name), { recursive: true });
    for (const name of await readdir(join(directory, 'mail', user))) {
      if (/^dovecot-uidvalidity/.test(name)) await rm(join(directory, 'mail', user, name));
    }
    // Dovecot would begin at the clock again, which may give the value that the folder has had.
    const last = (Math.floor(Date.now() / 1000) + 100_000).toString(16).padStart(8, '0');
    const counter = join(directory, 'mail', user, 'dovecot-uidvalidity');
    await writeFile(counter, last);
    await writeFile(`${counter}.${last}`, '');
    if (asRoot) for (const path of [counter, `${counter}.${last}`]) await chown(path, MAIL_ID, MAIL_ID);
  }

  async function log(): Promise<string> {
    return readFile(file('dovecot.log'), 'utf8').catch(() => '');
  }

  async function halt(): Promise<void> {
    if (master === null) return;
    // Told to stop, it would let its sessions linger for ten seconds.
    await end(master, 'SIGKILL');
    master = null;
  }

  async function resume(): Promise<void> {
    // The processes of one that was killed may hold its sockets for a moment longer.
    for (let attempts = 10; ; attempts--) {
      const left = await launch();
      if (left === null) return;
      if (attempts === 1 || !/already running|already in use/.test(left)) {
        throw new Error(`Dovecot did not start: ${left}\n${await log()}`);
      }
      await new Promise(resolve => setTimeout(resolve, 200));
    }
  }

  /** @returns null when it accepts connections; what it said when it ended instead */
  async function launch(): Promise<string | null> {
    // Debian keeps it in /usr/sbin, which is not in a normal user's PATH.
    const env = { PATH: `${process.env.PATH}:/usr/sbin` };
    const child = start('dovecot', ['-F', '-c', file('dovecot.conf')], { env });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk));
    child.once('error', error => (said += error.message));
    master = child;
    const ended = () => child.exitCode !== null || child.pid === undefined;
    await eventually('Dovecot to accept connections', async () => ended() || accepts(imapPort));
    return ended() ? said : null;
  }

  return {
    host: '127.0.0.1',
    imapPort,
    imapsPort,
    caFile: certificates?.caFile ?? null,
    directory,
    addUser,
    cloneUser: async (from, to, password) => {
      await cp(join(directory, 'mail', from), join(directory, 'mail', to), {
        recursive: true,
        preserveTimestamps: true,
      });
      if (asRoot) await must('chown', ['-R', `${MAIL_ID}:${MAIL_ID}`, join(directory, 'mail', to)]);
      await addUser(to, password);
    },
    deliver,
    stored,
    log,
    refusedLogins: async user =>
      (await log()).split('\n').filter(line => line.includes(`(${user},`) && /password mismatch/i.test(line)).length,
    renumber,
    halt,
    resume,
    stop: async () => {
      await halt();
      await temporary.remove();
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(2000, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
