import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-cli-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function cli(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(argv, { out: text => void out.push(text), err: text => void err.push(text) });
  return { code, out: out.join(''), err: err.join('') };
}

async function file(name: string, content: string): Promise<string> {
  await writeFile(join(directory, name), content);
  return join(directory, name);
}

async function config(extra = '', port = 0): Promise<string> {
  return file(
    'archivia.yaml',
    `dataDir: data\nimap: { listen: [{ host: 127.0.0.1, port: ${port}, tls: none }] }\n${extra}`,
  );
}

describe('wrong use is exit code 2, said on stderr:', () => {
  test.each([
    ['an unknown command', ['frobnicate'], /Unknown/],
    ['an unknown option', ['demo', '--colour'], /Unknown argument: colour/],
    ['a missing configuration', ['serve'], /Missing required argument: config/],
    ['a configuration that is not there', ['serve', '--config', '/nonexistent.yaml'], /no such file/],
    ['a missing message', ['inspect'], /Not enough non-option arguments/],
    ['a message that is not there', ['inspect', '/nonexistent.eml'], /no such file/],
    ['an unknown action', ['account', 'frob', '--config', 'x'], /Choices/],
  ])('%s', async (_name, argv, text) => {
    const { code, out, err } = await cli(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(text);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('a configuration with faults, one line each', async () => {
    const { code, err } = await cli('doctor', '--config', await config('arhive: {}\nlog: { level: loud }\n'));
    expect(code).toBe(2);
    expect(err.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/archivia\.yaml:3: arhive: unknown key; did you mean "archive"/),
      expect.stringMatching(/archivia\.yaml:4: log\.level: "loud" is not accepted/),
    ]);
  });
});

test('--help lists the commands that are there, on stdout', async () => {
  const { code, out } = await cli('--help');
  expect(code).toBe(0);
  const listed = [...out.matchAll(/^ {2}archivia (\w+)/gm)].map(match => match[1]);
  expect(listed).toEqual([
    'serve',
    'demo',
    'account',
    'import',
    'space',
    'inspect',
    'verify',
    'rebuild',
    'backup',
    'restore',
    'rekey',
    'conserve',
    'conservation',
    'dip',
    'export',
    'doctor',
    'health',
  ]);
});

describe('health', () => {
  test('is good when the greeting is, and says so as JSON', async () => {
    const server = createServer(socket => socket.end('* OK ready\r\n'));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, out } = await cli('health', '--json', '--config', await config('', port));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      healthy: true,
      listeners: [{ host: '127.0.0.1', port, greeting: '* OK ready', error: null }],
    });
    await new Promise(resolve => server.close(resolve));
    expect((await cli('health', '--config', await config('', port))).code).toBe(1);
  });
});

describe('inspect', () => {
  test('tells an ordinary message, as lines and as JSON', async () => {
    const eml = await file('a.eml', 'Message-ID: <a@b.example>\r\nSubject: ciao\r\n\r\ntesto\r\n');
    const { code, out } = await cli('inspect', eml, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ family: 'ordinaria', exchange: { messageId: '<a@b.example>' } });
    expect((await cli('inspect', eml)).out).toMatch(/^tipo +ordinaria/);
  });
});
