/**
 * Run before the tests: the Debian tools that they use as peers. As root on Debian they are installed, else the script
 * says what to type and stops. Two more servers are only unpacked: see private-servers.ts.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensurePrivateServers } from './private-servers.ts';

/** Command to the Debian package that has it. */
export const TOOLS: Readonly<Record<string, string>> = {
  dovecot: 'dovecot-imapd',
  mbsync: 'isync',
  openssl: 'openssl',
  xmllint: 'libxml2-utils',
  xmlsec1: 'xmlsec1',
  curl: 'curl',
  swaks: 'swaks',
  python3: 'python3',
  strace: 'strace',
  offlineimap: 'offlineimap3',
  mutt: 'mutt',
  tmux: 'tmux',
  'softhsm2-util': 'softhsm2',
  'pkcs11-tool': 'opensc',
};

/** System daemons live outside an ordinary user's PATH. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

export interface Machine {
  /** Directories to look for commands in. */
  readonly path: readonly string[];
  readonly debian: boolean;
  readonly root: boolean;
  /** Runs a command, its output on stderr; true when it succeeded. */
  run(command: string, args: readonly string[]): boolean;
  say(text: string): void;
}

/** Packages whose command is nowhere on the path. */
export function missingPackages(path: readonly string[]): string[] {
  const missing = Object.entries(TOOLS).filter(
    ([tool]) => !path.some(directory => isExecutable(join(directory, tool))),
  );
  return [...new Set(missing.map(([, name]) => name))];
}

/** Exit code: 0 when every tool is there in the end. */
export function ensurePackages(machine: Machine): number {
  const missing = missingPackages(machine.path);
  if (missing.length === 0) return 0;
  const commands = [
    ['apt-get', 'update'],
    ['apt-get', 'install', '--yes', '--no-install-recommends', ...missing],
  ] as const;
  if (!machine.debian) {
    const tools = Object.entries(TOOLS).filter(([, name]) => missing.includes(name));
    machine.say(`The tests need these commands: ${tools.map(([tool]) => tool).join(', ')}.`);
    machine.say(`On Debian they come with the packages ${missing.join(', ')}; on other systems, install their like.`);
    return 1;
  }
  if (!machine.root) {
    machine.say('The tests need some Debian packages. Run this, then try again:');
    machine.say(`  ${commands.map(command => `sudo ${command.join(' ')}`).join(' && ')}`);
    return 1;
  }
  machine.say(`Installing for the tests: ${missing.join(', ')}`);
  for (const [command, ...args] of commands) {
    if (machine.run(command, args)) continue;
    machine.say(`"${[command, ...args].join(' ')}" failed.`);
    return 1;
  }
  const still = missingPackages(machine.path);
  if (still.length > 0) machine.say(`Still missing after the installation: ${still.join(', ')}`);
  return still.length === 0 ? 0 : 1;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const machine: Machine = {
    path: [...(process.env.PATH ?? '').split(delimiter).filter(directory => directory !== ''), ...SYSTEM_DIRECTORIES],
    debian: existsSync('/etc/debian_version'),
    root: process.getuid?.() === 0,
    run: (command, args) =>
      spawnSync(command, args, {
        stdio: ['ignore', 2, 2],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      }).status === 0,
    say: text => process.stderr.write(`${text}\n`),
  };
  process.exitCode = ensurePackages(machine) || ensurePrivateServers(machine);
}
