import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import type { Machine } from './packages.ts';
import { ensurePrivateServers } from './private-servers.ts';

let directory: TemporaryDirectory;
let said: string[];
let ran: string[];

beforeEach(async () => {
  directory = await temporaryDirectory('servers');
  said = [];
  ran = [];
});
afterEach(() => directory.remove());

/** Whose apt-get leaves one package, and whose dpkg-deb one file of it. */
function machine(overrides: Partial<Machine> = {}): Machine {
  return {
    path: [],
    debian: true,
    root: true,
    run: (command, args) => {
      ran.push([command, ...args].join(' '));
      const archives = args.find(arg => arg.startsWith('Dir::Cache::archives='))?.split('=')[1];
      if (archives !== undefined) writeFileSync(join(archives, 'prova_1.deb'), '');
      if (command === 'dpkg-deb') writeFileSync(join(args.at(-1) ?? '', 'imapd'), '');
      return true;
    },
    say: text => said.push(text),
    ...overrides,
  };
}

const ensure = (overrides?: Partial<Machine>) => ensurePrivateServers(machine(overrides), directory.path);

test('downloads and unpacks both, installs nothing, and leaves nothing else', () => {
  expect(ensure()).toBe(0);
  expect(readdirSync(directory.path).sort()).toEqual(['courier', 'cyrus']);
  expect(readdirSync(join(directory.path, 'cyrus')).sort()).toEqual(['PACKAGES', 'imapd']);
  const installs = ran.filter(command => command.startsWith('apt-get') && command !== 'apt-get update');
  expect(installs).toHaveLength(2);
  for (const command of installs) expect(command).toContain('--download-only');
});

test('does nothing where both are there', () => {
  for (const name of ['courier', 'cyrus']) mkdirSync(join(directory.path, name));
  expect(ensure()).toBe(0);
  expect([...ran, ...said]).toEqual([]);
});

test('an ordinary user downloads with the lists that are there', () => {
  expect(ensure({ root: false })).toBe(0);
  expect(ran).not.toContain('apt-get update');
  expect(readdirSync(directory.path).sort()).toEqual(['courier', 'cyrus']);
});

test('a download or an archive that fails leaves no half of a server', () => {
  for (const failing of ['apt-get install', 'dpkg-deb']) {
    const working = machine();
    const run: Machine['run'] = (command, args) =>
      working.run(command, args) && ![command, ...args].join(' ').startsWith(failing);
    expect(ensure({ run })).toBe(1);
    expect(readdirSync(directory.path)).toEqual([]);
    expect(said.at(-1)).toContain('cyrus could not be');
  }
});

test('elsewhere than on Debian it says which tests fail, and lets the others run', () => {
  expect(ensure({ debian: false })).toBe(0);
  expect(ran).toEqual([]);
  expect(said.join('\n')).toContain('cyrus and courier');
});
