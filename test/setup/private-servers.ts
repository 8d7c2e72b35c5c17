/**
 * Cyrus and Courier for the tests. Debian's packages of both exclude `dovecot-imapd` (each is the machine's only
 * `imap-server`), and would make users and services: so they are downloaded with what they need and unpacked, not
 * installed, into a directory of the tests' own. Nothing of them runs but what a test starts.
 */
import { accessSync, chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from './packages.ts';

/** Server to the packages whose files the tests use; apt adds the libraries that the machine lacks. */
export const PRIVATE_SERVERS = {
  cyrus: ['cyrus-imapd', 'cyrus-common', 'sasl2-bin', 'libsasl2-modules', 'libsasl2-modules-db'],
  courier: [
    ...['courier-imap', 'courier-base', 'courier-authdaemon', 'courier-authlib', 'courier-authlib-userdb'],
    ...['gamin', 'libgamin0'],
  ],
} as const;

export type PrivateServer = keyof typeof PRIVATE_SERVERS;

/** Stands in for the mail transport that both depend on: small, and no daemon. */
const MAIL_TRANSPORT = 'msmtp-mta';

/** What is unpacked must be readable for the unprivileged user under which root runs it: not below a home. */
const ROOTS_CACHE = '/var/cache/archivia-test-servers';

/** Where the private servers are: one directory each, as if it were `/`. */
export function privateServersDirectory(root = process.getuid?.() === 0): string {
  return root ? ROOTS_CACHE : join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'archivia-test-servers');
}

/** Root of the unpacked server. Throws when it is not there. */
export function privateServer(name: PrivateServer): string {
  const tree = join(privateServersDirectory(), name);
  try {
    accessSync(tree);
  } catch {
    throw new Error(`${name} is not unpacked in ${tree}: run "node test/setup/packages.ts", on Debian`);
  }
  return tree;
}

/** Exit code: 0 when every server is there in the end, or cannot be had on this kind of system. */
export function ensurePrivateServers(machine: Machine, directory = privateServersDirectory(machine.root)): number {
  const names = Object.keys(PRIVATE_SERVERS) as PrivateServer[];
  const missing = names.filter(name => !existsSync(join(directory, name)));
  if (missing.length === 0) return 0;
  if (!machine.debian) {
    machine.say(`The tests with ${missing.join(' and ')} as upstream fail here: they need Debian's packages.`);
    return 0;
  }
  machine.say(`Unpacking for the tests, in ${directory}: ${missing.join(', ')}`);
  // An ordinary user's lists are as old as they are.
  if (machine.root && !machine.run('apt-get', ['update'])) {
    machine.say('"apt-get update" failed.');
    return 1;
  }
  for (const name of missing) {
    if (unpack(machine, directory, name)) continue;
    machine.say(`The packages of ${name} could not be downloaded and unpacked.`);
    if (!machine.root) machine.say('Perhaps "sudo apt-get update" helps.');
    return 1;
  }
  return 0;
}

/** All or nothing: the tree gets its name when it is whole. */
function unpack(machine: Machine, directory: string, name: PrivateServer): boolean {
  const work = join(directory, `${name}.${process.pid}`);
  const archives = join(work, 'archives');
  const tree = join(work, 'tree');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(tree);
  // Whatever the umask is: other users run what is here.
  chmodSync(directory, 0o755);
  try {
    const downloaded = machine.run('apt-get', [
      ...['install', '-qq', '--download-only', '--reinstall', '--yes', '--no-install-recommends'],
      // Only the directory above is written to, so an ordinary user may do it and nobody has to wait.
      ...['-o', 'Debug::NoLocking=true', '-o', `Dir::Cache::archives=${archives}`],
      ...PRIVATE_SERVERS[name],
      MAIL_TRANSPORT,
    ]);
    if (!downloaded) return false;
    const packages = readdirSync(archives).filter(file => file.endsWith('.deb'));
    for (const file of packages) {
      if (!machine.run('dpkg-deb', ['--extract', join(archives, file), tree])) return false;
    }
    writeFileSync(join(tree, 'PACKAGES'), `${packages.join('\n')}\n`);
    renameSync(tree, join(directory, name));
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
