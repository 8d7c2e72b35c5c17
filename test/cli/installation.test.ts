/** The commands that look at a stopped installation, on the data that a demo left. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { end, eventually, run, start } from '../support/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
const ADDRESS = 'studio.rossi@pec.gestore-uno.example';
let directory: TemporaryDirectory;

beforeAll(async () => {
  directory = await temporaryDirectory('installation');
  const child = start(process.execPath, [MAIN, 'demo', '--json', '--log', '--port', '0', '--dir', directory.path]);
  let out = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  try {
    await eventually('the demo and its first package', () => out.endsWith('}\n') && log.includes('"msg":"conserved"'));
    const { code, stderr } = await cli('account', 'list');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('in use by another archivia') });
  } finally {
    await end(child, 'SIGINT');
  }
});
afterAll(async () => {
  await directory.remove();
});

function cli(...args: string[]) {
  return run(process.execPath, [MAIN, ...args, '--config', join(directory.path, 'archivia.yaml')]);
}

describe('account', () => {
  test('list and show count what is stored', async () => {
    const { code, stdout } = await cli('account', 'list', '--json');
    expect(code).toBe(0);
    const [account, ...others] = JSON.parse(stdout) as Record<string, unknown>[];
    expect(others).toEqual([]);
    expect(account).toMatchObject({
      address: ADDRESS,
      upstream: 'casella',
      stored: { conserved: 6, packages: 1, intake: 0, queued: false, archived: expect.any(Number) },
    });
    const shown = await cli('account', 'show', ADDRESS.toUpperCase());
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^conserved +6 messages in 1 packages$/m);
  });

  test('an unknown address is wrong use', async () => {
    expect(await cli('account', 'show', 'nobody@pec.example.it')).toMatchObject({ code: 2, stdout: '' });
    expect(await cli('verify', 'nobody@pec.example.it')).toMatchObject({ code: 2, stdout: '' });
  });
});

test('doctor tells the store from the provider that does not answer', async () => {
  const { code, stdout } = await cli('doctor', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    good: false,
    findings: [
      { part: 'configuration', ok: true },
      { part: 'upstream casella imap', ok: false, detail: expect.stringContaining('ECONNREFUSED') },
      { part: `account ${ADDRESS}`, ok: true },
    ],
  });
});

test('conserve with nothing to do is good', async () => {
  const { code, stdout } = await cli('conserve', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([{ address: ADDRESS, packages: [], waiting: 0, error: null }]);
});

test('verify is good as long as every byte is, and names what is damaged', async () => {
  const sound = await cli('verify', '--json');
  expect(sound.code).toBe(0);
  expect(JSON.parse(sound.stdout)).toMatchObject({ good: true, accounts: [{ address: ADDRESS, damaged: [] }] });

  const segments = join(directory.path, 'archivia', 'accounts', ADDRESS, 'segments');
  const [first] = (await readdir(segments)).sort();
  const file = join(segments, first ?? '');
  const bytes = await readFile(file);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  await writeFile(file, bytes);

  const damaged = await cli('verify', '--json');
  expect(damaged.code).toBe(1);
  const { accounts } = JSON.parse(damaged.stdout) as { accounts: { damaged: { uid: number; reason: string }[] }[] };
  expect(accounts[0]?.damaged.length).toBeGreaterThan(0);
  expect(accounts[0]?.damaged[0]).toMatchObject({ uid: expect.any(Number), reason: expect.any(String) });
});
