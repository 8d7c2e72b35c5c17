/** verify, rebuild, backup, restore and rekey as an operator runs them. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { ADDRESS, ARCHIVE, INTAKE, message, put } from '../store/support.ts';
import { end, eventually, run, start } from '../support/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
let directory: TemporaryDirectory;
let data: string;
let account: string;
beforeEach(async () => {
  directory = await temporaryDirectory('maintenance');
  data = join(directory.path, 'data');
  await configure('archivia.yaml', 'data');
  const store = await openStore(data);
  const opened = await store.account(ADDRESS, { create: true });
  for (const id of ['uno', 'due', 'tre']) await put(opened, ARCHIVE, message(id));
  await put(opened, INTAKE, message('quattro'));
  account = opened.directory;
  await store.close();
});
afterEach(async () => {
  await directory.remove();
});

async function configure(name: string, dataDir: string, extra = ''): Promise<void> {
  await writeFile(
    join(directory.path, name),
    `dataDir: ./${dataDir}\nimap: { listen: [{ host: 127.0.0.1, port: 0, tls: none }] }\n${extra}`,
  );
}

function cli(command: string, ...args: string[]) {
  return run(process.execPath, [MAIN, command, ...args, '--config', join(directory.path, 'archivia.yaml'), '--json']);
}

/** What the command said as JSON, and its exit code. */
async function answer(
  command: string,
  ...args: string[]
): Promise<{ code: number | null; said: Record<string, unknown> }> {
  const { code, stdout, stderr } = await cli(command, ...args);
  try {
    return { code, said: JSON.parse(stdout) };
  } catch {
    throw new Error(`${command} ended with ${code}: ${stdout}${stderr}`);
  }
}

test('rebuild brings a lost database back', async () => {
  const sound = await answer('verify');
  expect(sound).toMatchObject({ code: 0, said: { good: true, accounts: [{ messages: 4, damaged: [] }] } });
  await rm(join(account, 'account.db'));
  const lost = await answer('verify');
  expect(lost).toMatchObject({ code: 1, said: { good: false, accounts: [{ damaged: [{ kind: 'missing' }] }] } });
  const rebuilt = await answer('rebuild', ADDRESS);
  expect(rebuilt).toMatchObject({
    code: 0,
    said: { good: true, accounts: [{ messages: 4, lost: false, renumbered: false }] },
  });
  expect(await answer('verify')).toEqual(sound);
});

test('a damaged ledger is written anew from the database', async () => {
  const [file = ''] = await readdir(join(account, 'segments'));
  const path = join(account, 'segments', file);
  const octets = await readFile(path);
  octets[30] = (octets[30] ?? 0) ^ 1;
  await writeFile(path, octets);
  const faults = async () =>
    ((await answer('verify')).said.accounts as { damaged: { kind: string }[] }[])[0]?.damaged.map(({ kind }) => kind);
  expect(await faults()).toEqual(['flipped', 'ledger']);
  expect(await answer('rebuild')).toMatchObject({
    code: 1,
    said: { accounts: [{ error: expect.stringContaining('--ledger') }] },
  });
  expect(await answer('rebuild', '--ledger')).toMatchObject({
    code: 0,
    said: { accounts: [{ ledger: expect.any(Number) }] },
  });
  expect(await faults()).toEqual(['flipped']);
  expect(await answer('rebuild')).toMatchObject({ code: 0, said: { accounts: [{ lost: false, messages: 4 }] } });
});

test('backup works beside a running server, restore elsewhere', async () => {
  // Nothing of its own shall happen meanwhile.
  await configure('archivia.yaml', 'data', 'archive: { enabled: false }\n');
  const server = start(process.execPath, [MAIN, 'serve', '--config', join(directory.path, 'archivia.yaml')]);
  let log = '';
  server.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  const copy = join(directory.path, 'copy');
  try {
    await eventually('the server', () => log.includes('"msg":"ready"'));
    expect((await cli('verify')).code).toBe(1);
    expect(await answer('backup', copy)).toMatchObject({
      code: 0,
      said: { good: true, accounts: [{ address: ADDRESS, damaged: [] }] },
    });
    expect(await answer('backup', copy)).toMatchObject({ code: 0, said: { accounts: [{ copiedBytes: 0 }] } });
  } finally {
    await end(server, 'SIGTERM');
  }
  await expect(stat(join(copy, 'master.key'))).rejects.toThrow('ENOENT');
  expect((await cli('restore', copy)).code).toBe(1);
  await mkdir(join(directory.path, 'second'));
  await cp(join(data, 'master.key'), join(directory.path, 'second', 'master.key'));
  await configure('archivia.yaml', 'second');
  expect(await answer('restore', copy)).toMatchObject({
    code: 0,
    said: { accounts: [{ messages: 4, renumbered: true, lost: false }] },
  });
  expect(await answer('verify')).toMatchObject({ code: 0, said: { accounts: [{ messages: 4 }] } });
});

test('backup refuses to lie in the data directory', async () => {
  expect(await cli('backup', join(data, 'copy'))).toMatchObject({ code: 2, stdout: '' });
});

test('rekey changes the master key; a wrong one is told by its source', async () => {
  const old = await readFile(join(data, 'master.key'));
  expect(await answer('rekey')).toMatchObject({ code: 0, said: { files: 2, configure: false } });
  expect((await readFile(join(data, 'master.key'))).equals(old)).toBe(false);
  expect(await answer('verify')).toMatchObject({ code: 0 });
  await writeFile(join(directory.path, 'old.key'), old);
  await configure('archivia.yaml', 'data', 'vault: { keyFile: old.key }\n');
  const wrong = await cli('verify');
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain(join(directory.path, 'old.key'));
  const serving = await run(process.execPath, [MAIN, 'serve', '--config', join(directory.path, 'archivia.yaml')]);
  expect(serving.code).toBe(1);
  expect(serving.stderr).toContain(`the master key in ${join(directory.path, 'old.key')}`);

  await writeFile(join(directory.path, 'own.key'), randomBytes(32).toString('hex'));
  await configure('archivia.yaml', 'data', "vault: { keyCommand: 'cat data/master.key' }\n");
  const inPlace = await run(process.execPath, [MAIN, 'rekey', '--config', 'archivia.yaml'], { cwd: directory.path });
  expect(inPlace).toMatchObject({ code: 1, stderr: expect.stringContaining('--new-key-file') });
  const given = ['rekey', '--config', 'archivia.yaml', '--new-key-file', 'own.key', '--json'];
  const moved = await run(process.execPath, [MAIN, ...given], { cwd: directory.path });
  expect(JSON.parse(moved.stdout)).toMatchObject({ configure: true, keyFile: expect.stringContaining('own.key') });
  await configure('archivia.yaml', 'data', 'vault: { keyFile: own.key }\n');
  expect(await answer('verify')).toMatchObject({ code: 0, said: { accounts: [{ messages: 4 }] } });
});
