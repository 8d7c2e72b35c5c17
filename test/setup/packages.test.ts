import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensurePackages, type Machine, missingPackages, TOOLS } from './packages.ts';

let directory: string;
let said: string[];
let ran: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-packages-'));
  said = [];
  ran = [];
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function provide(tools: readonly string[]): Promise<void> {
  for (const tool of tools) {
    await writeFile(join(directory, tool), '#!/bin/sh\n');
    await chmod(join(directory, tool), 0o755);
  }
}

function machine(overrides: Partial<Machine>): Machine {
  return {
    path: [directory],
    debian: true,
    root: true,
    run: (command, args) => ran.push([command, ...args].join(' ')) > 0,
    say: text => said.push(text),
    ...overrides,
  };
}

test('nothing is run where every tool is there', async () => {
  await provide(Object.keys(TOOLS));
  expect(ensurePackages(machine({}))).toBe(0);
  expect(ran).toEqual([]);
  expect(said).toEqual([]);
});

test('a file that cannot be executed is no tool', async () => {
  await provide(Object.keys(TOOLS));
  await chmod(join(directory, 'mbsync'), 0o644);
  expect(missingPackages([directory])).toEqual(['isync']);
});

test('root on Debian updates, then installs just what is missing', async () => {
  await provide(Object.keys(TOOLS).filter(tool => tool !== 'swaks' && tool !== 'dovecot'));
  ensurePackages(machine({}));
  expect(ran).toEqual(['apt-get update', 'apt-get install --yes --no-install-recommends dovecot-imapd swaks']);
});

test('an installation that leaves a tool missing fails and says which', () => {
  expect(ensurePackages(machine({}))).toBe(1);
  expect(said.at(-1)).toContain('Still missing');
});

test('a failing apt-get stops the rest', () => {
  expect(ensurePackages(machine({ run: () => false }))).toBe(1);
  expect(said.at(-1)).toBe('"apt-get update" failed.');
});

test('an ordinary user is told the command', () => {
  expect(ensurePackages(machine({ root: false }))).toBe(1);
  expect(ran).toEqual([]);
  expect(said.join('\n')).toMatch(/sudo apt-get update && sudo apt-get install .*dovecot-imapd isync openssl/);
});

test('elsewhere the commands and their Debian packages are named', () => {
  expect(ensurePackages(machine({ debian: false }))).toBe(1);
  expect(ran).toEqual([]);
  expect(said.join('\n')).toContain('dovecot, mbsync, openssl, xmllint, xmlsec1, curl, swaks, python3');
});
