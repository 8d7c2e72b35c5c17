/** The commands that look at a stopped installation, on the data that a demo left. */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInstructions, unzip } from '../conservation/support/distribution.ts';
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

describe('dip', () => {
  test('writes a package of what was asked for, which proves itself by its own commands', async () => {
    const output = join(directory.path, 'pdd.zip');
    const made = await cli('dip', '--account', ADDRESS, '--message', '1', '--output', output, '--json');
    expect({ code: made.code, stderr: made.stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(made.stdout)).toEqual({ account: ADDRESS, messages: 1, output });
    const extracted = join(directory.path, 'pdd');
    await unzip(output, extracted);
    expect(await runInstructions(extracted)).toBeGreaterThan(10);
    // The whole exchange of that message, and what a text is found in.
    const exchange = join(directory.path, 'exchange.zip');
    const whole = await cli(
      'dip',
      '--account',
      ADDRESS,
      '--message',
      '1',
      '--exchange',
      '--output',
      exchange,
      '--json',
    );
    expect(whole.code).toBe(0);
    expect(JSON.parse(whole.stdout).messages).toBeGreaterThanOrEqual(1);
    const found = join(directory.path, 'found.zip');
    const searched = await cli('dip', '--account', ADDRESS, '--search', '@', '--output', found, '--json');
    expect(JSON.parse(searched.stdout)).toMatchObject({ messages: 6 });
  });

  test('wrong use is told, and an existing file is left alone', async () => {
    const output = join(directory.path, 'kept.zip');
    await writeFile(output, 'kept');
    const dip = (...args: string[]) => cli('dip', '--account', ADDRESS, '--output', output, ...args);
    expect(await dip()).toMatchObject({ code: 2, stderr: expect.stringContaining('--message or --search') });
    expect(await dip('--message', '999')).toMatchObject({ code: 2, stderr: expect.stringContaining('999') });
    expect(await dip('--search', 'xyzzy-che-non-esiste')).toMatchObject({ code: 2 });
    expect(await dip('--message', '1')).toMatchObject({ code: 1, stderr: expect.stringContaining('EEXIST') });
    expect(await readFile(output, 'utf8')).toBe('kept');
  });
});

test('conservation status tells when stamps are due, renew renews them', async () => {
  const status = await cli('conservation', 'status', '--json');
  expect(status.code).toBe(0);
  expect(JSON.parse(status.stdout)).toMatchObject([
    {
      address: ADDRESS,
      packages: [{ messages: 6, due: null, renewals: 0, fault: null, digest: 'sha256' }],
      error: null,
    },
  ]);
  expect(JSON.parse((await cli('conservation', 'renew', '--json')).stdout)).toMatchObject([{ renewed: [] }]);
  const renewed = await cli('conservation', 'renew', ADDRESS, '--all', '--hash-tree', '--json');
  expect(renewed.code).toBe(0);
  expect(JSON.parse(renewed.stdout)).toMatchObject([
    {
      renewed: [{ kind: 'tree', file: 'rinnovo-0001.json' }],
      packages: [{ renewals: 1, digest: 'sha512', due: null }],
    },
  ]);
  const lines = await cli('conservation', 'status');
  expect(lines.stdout).toMatch(/1 packages, 0 due for renewal, the first by \d{4}-/);
});

test('verify knows from the journal which renewals there must be', async () => {
  const evidence = join(directory.path, 'archivia', 'accounts', ADDRESS, 'evidence');
  const [name] = (await readdir(evidence, { recursive: true })).filter(file => file.endsWith('rinnovo-0001.json'));
  const file = join(evidence, name ?? '');
  await rename(file, `${file}.via`);
  const lost = await cli('verify', '--json');
  await rename(`${file}.via`, file);
  expect(lost.code).toBe(1);
  const { accounts } = JSON.parse(lost.stdout) as { accounts: { damaged: { kind: string; where: string }[] }[] };
  expect(accounts[0]?.damaged.map(({ kind }) => kind)).toContain('evidence');
});

test('verify is good as long as every byte is, and names what is damaged', async () => {
  const sound = await cli('verify', '--json');
  expect(sound.code).toBe(0);
  expect(JSON.parse(sound.stdout)).toMatchObject({ good: true, accounts: [{ address: ADDRESS, damaged: [] }] });

  const segments = join(directory.path, 'archivia', 'accounts', ADDRESS, 'segments');
  const [first] = (await readdir(segments)).sort();
  const file = join(segments, first ?? '');
  const bytes = await readFile(file);
  // In the first record that holds a piece of a message.
  let at = 0;
  while (bytes.readUInt8(at + 4) !== 1) at += 20 + bytes.readUInt32LE(at + 12);
  bytes.writeUInt8(bytes.readUInt8(at + 60) ^ 1, at + 60);
  await writeFile(file, bytes);
  const evidence = join(directory.path, 'archivia', 'accounts', ADDRESS, 'evidence');
  const [name = ''] = (await readdir(evidence, { recursive: true })).filter(path => path.endsWith('rinnovo-0001.json'));
  await rm(join(evidence, name));

  const damaged = await cli('verify', '--json');
  expect(damaged.code).toBe(1);
  const { accounts } = JSON.parse(damaged.stdout) as { accounts: { damaged: object[] }[] };
  expect(accounts[0]?.damaged).toContainEqual({
    kind: 'flipped',
    where: expect.stringContaining('segments/00000001.seg at '),
    reason: expect.any(String),
  });
  // One kind of damage hides no other.
  const lost = { kind: 'evidence', where: expect.stringContaining('rinnovo'), reason: expect.any(String) };
  expect(accounts[0]?.damaged).toContainEqual(lost);
});
