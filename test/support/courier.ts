/**
 * A private Courier IMAP in a directory of its own: real Maildirs, passwords in a userdb that its authdaemond checks.
 * Mail of root's belongs to the unprivileged user `mail`; a normal user's to that user.
 */
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { privateServer } from '../setup/private-servers.ts';
import { end, eventually, freePort, must, start } from './processes.ts';
import { giveToMailUser, greets, libraryDirectories, MAIL_USER, type UpstreamServer } from './upstream-server.ts';

/** Relocated files of the authentication library. */
const LIBRARY = 'usr/lib/libcourierauth.so.0';
const USERDB = 'usr/lib/courier-authlib/libauthuserdb.so.0';
const AUTHDAEMOND = 'usr/lib/courier/courier-authlib/authdaemond';
const MODULES = '/usr/lib/courier-authlib';

export async function startCourier(options: {
  /** Address to password. */
  readonly users: Readonly<Record<string, string>>;
}): Promise<UpstreamServer> {
  const tree = privateServer('courier');
  // With its final slash as long as `/run/courier/` and `/etc/courier/`: see `relocate`.
  const directory = await mkdtemp('/tmp/c');
  const file = (name: string) => join(directory, name);
  const env: NodeJS.ProcessEnv = {
    LD_LIBRARY_PATH: [directory, ...(await libraryDirectories(tree))].join(':'),
    GAM_CLIENT_ID: basename(directory),
  };
  const running: ChildProcess[] = [];
  let said = '';
  await chmod(directory, 0o755);
  const stop = async () => {
    for (const child of running.reverse()) await end(child);
    await rm(directory, { recursive: true, force: true });
  };

  /**
   * Debian compiles the paths of the socket and of the user database in. The private copies of the three files that
   * know them have others of the same length, as package managers do that install into any directory.
   */
  async function relocate(path: string, name = basename(path)): Promise<void> {
    const replacements = [
      ['/run/courier/', `${directory}/`],
      ['/etc/courier/', `${directory}/`],
      [MODULES, modules()],
    ] as const;
    let octets = await readFile(join(tree, path), 'latin1');
    for (const [from, to] of replacements) {
      if (from.length !== to.length) throw new Error(`${to} is not as long as ${from}`);
      octets = octets.replaceAll(from, to);
    }
    await writeFile(file(name), octets, { encoding: 'latin1', mode: 0o755 });
  }

  function modules(): string {
    return `${directory}/`.padEnd(MODULES.length, 'm');
  }

  function run(command: string, args: readonly string[]): void {
    const child = start(command, args, { env, cwd: directory });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    running.push(child);
  }

  /** Public and secret fields of each user in a gdbm file of their own, as makeuserdb splits them. */
  async function userDatabase(): Promise<void> {
    const mail = { uid: 8, gid: 8 };
    const { uid, gid } = process.getuid?.() === 0 ? mail : { uid: process.getuid?.(), gid: process.getgid?.() };
    let fields = '';
    let secrets = '';
    for (const [index, [address, password]] of Object.entries(options.users).entries()) {
      const home = file(`mail/${index}`);
      await mkdir(home);
      await giveToMailUser(home);
      await asMailUser(join(tree, 'usr/bin/maildirmake.courier'), [join(home, 'Maildir')]);
      const hash = (await must('openssl', ['passwd', '-6', '-stdin'], { input: password })).stdout.trim();
      fields += `${address}\tuid=${uid}|gid=${gid}|home=${home}|mail=${join(home, 'Maildir')}\n`;
      secrets += `${address}\tsystempw=${hash}\n`;
    }
    const makedat = join(tree, 'usr/lib/courier/courier-authlib/makedatprog');
    for (const [name, text] of [
      ['userdb.dat', fields],
      ['userdbshadow.dat', secrets],
    ] as const) {
      await must(makedat, ['-', file(`${name}.tmp`), file(name)], { input: `${text}.\n`, env });
    }
  }

  /** The command line under which a program belongs to the user whose mail it is. */
  function mailUserCommand(command: string, args: readonly string[]): [string, string[]] {
    if (process.getuid?.() !== 0) return [command, [...args]];
    return ['setpriv', [`--reuid=${MAIL_USER}`, `--regid=${MAIL_USER}`, '--clear-groups', command, ...args]];
  }

  async function asMailUser(command: string, args: readonly string[]): Promise<void> {
    const [program, full] = mailUserCommand(command, args);
    await must(program, full, { env });
  }

  try {
    for (const name of ['authdaemon', 'mail', basename(modules())]) await mkdir(file(name));
    await relocate(LIBRARY);
    await relocate(AUTHDAEMOND);
    await relocate(USERDB, join(basename(modules()), basename(USERDB)));
    await writeFile(file('authdaemonrc'), 'authmodulelist="authuserdb"\ndaemons=2\n', { mode: 0o600 });
    await userDatabase();
    run(file(basename(AUTHDAEMOND)), []);
    // What tells IDLE of new mail; Courier would start it by itself, and nobody would end it.
    run(...mailUserCommand(join(tree, 'usr/libexec/gam_server'), ['--notimeout', basename(directory)]));
    await eventually('authdaemond to be ready', () => said.includes('Installation complete: authuserdb'));

    const imapPort = await freePort();
    const defaults = await readFile(join(tree, 'etc/courier/imapd'), 'utf8');
    for (const [, name = '', value = ''] of defaults.matchAll(/^(IMAP_[A-Z_]+)="?([^"\n]*)"?$/gm)) env[name] = value;
    // IDLE tells at once, not once a minute.
    env.IMAP_ENHANCEDIDLE = '1';
    run(join(tree, 'usr/sbin/couriertcpd'), [
      ...['-address=127.0.0.1', '-maxprocs=200', '-maxperip=200', '-nodnslookup', '-noidentlookup', String(imapPort)],
      ...[join(tree, 'usr/lib/courier/courier/imaplogin'), join(tree, 'usr/bin/imapd'), 'Maildir'],
    ]);
    await eventually('Courier to accept connections', () => {
      if (running.some(child => child.exitCode !== null)) throw new Error(`Courier did not start: ${said}`);
      return greets(imapPort);
    });
    return { imapPort, log: async () => said, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
