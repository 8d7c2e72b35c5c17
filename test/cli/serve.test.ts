/** `archivia serve` as a process: its ready line, its faults, its end. */
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { end, eventually, freePort, run, start } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory('serve');
});
afterEach(async () => {
  await directory.remove();
});

async function config(port: number, extra = ''): Promise<string> {
  const file = join(directory.path, 'archivia.yaml');
  await writeFile(
    file,
    `imap: { listen: [{ host: 127.0.0.1, port: 0, tls: implicit }, { host: 127.0.0.1, port: ${port}, tls: none }] }\n${extra}`,
  );
  return file;
}

/** A running server, its output, and its ports. */
async function serve(file: string, ...options: string[]) {
  const child = start(process.execPath, [MAIN, 'serve', '--config', file, ...options], { cwd: directory.path });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString('utf8');
  });
  const line = await eventually('the ready line', () => {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${said.out}${said.err}`);
    return `${said.out}\n${said.err}`.split('\n').find(text => text.includes('"msg":"ready"'));
  });
  const { ports } = JSON.parse(line) as { ports: { imap: number[]; smtp: number[]; web: number | null } };
  return { child, said, ports };
}

async function occupied(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, server };
}

test('one ready line with the ports; SIGTERM says BYE and ends with 0', async () => {
  const web =
    'web: { listen: { host: 127.0.0.1, port: 0, tls: none } }\nsmtp: { listen: [{ host: 127.0.0.1, port: 0, tls: none }] }\n';
  const { child, said, ports } = await serve(await config(0, web));
  expect(ports).toEqual({
    imap: [expect.any(Number), expect.any(Number)],
    smtp: [expect.any(Number)],
    web: expect.any(Number),
  });
  expect((await fetch(`http://127.0.0.1:${ports.web}/healthz`)).status).toBe(200);
  const client = await RawImap.connect(ports.imap[1] ?? 0);
  expect(String(await client.response())).toMatch(/^\* OK /);
  await end(child);
  expect(String(await client.response())).toMatch(/^\* BYE /);
  expect(child.exitCode).toBe(0);
  expect(said.out.match(/"msg":"ready"/g)).toHaveLength(1);
  expect(said.out).toContain('"msg":"stopped"');
});

test('--json: one document with the ports on stdout, the log on stderr', async () => {
  const { child, said, ports } = await serve(await config(0), '--json');
  await eventually('the document', () => said.out.trimEnd().endsWith('}'));
  await end(child, 'SIGINT');
  expect(child.exitCode).toBe(0);
  expect(JSON.parse(said.out)).toEqual({ ports });
});

test('a port in use is one clear line and exit code 1, and the data directory is free again', async () => {
  const { port, server } = await occupied();
  const file = await config(port);
  const outcome = await run(process.execPath, [MAIN, 'serve', '--config', file]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toBe(`imap: 127.0.0.1:${port} is in use by another program\n`);
  await new Promise(done => server.close(done));
  const { child } = await serve(file);
  await end(child);
  expect(child.exitCode).toBe(0);
});

test('a second server on the same data is turned away, the first goes on', async () => {
  const port = await freePort();
  const file = await config(port);
  const { child } = await serve(file);
  const other = join(directory.path, 'other.yaml');
  await writeFile(other, 'imap: { listen: [{ host: 127.0.0.1, port: 0, tls: none }] }\n');
  const outcome = await run(process.execPath, [MAIN, 'serve', '--config', other]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/^dataDir .* is in use by another archivia; stop that one first\n$/);
  const client = await RawImap.connect(port);
  expect(String(await client.response())).toMatch(/^\* OK /);
  await end(child);
});

test('a missing certificate and an unknown key are exit code 2, told with their lines', async () => {
  const file = await config(0, 'tls: { certFile: none.pem, keyFile: none.key }\nfoo: 1\n');
  const first = await run(process.execPath, [MAIN, 'serve', '--config', file]);
  expect(first.code).toBe(2);
  expect(first.stderr).toBe(
    `${file}:3: foo: unknown key (known: dataDir, imap, smtp, web, tls, upstreams, domains, accounts, archive, conservation, plans, defaultPlan, alerts, vault, limits, log)\n`,
  );
  const second = await run(process.execPath, [
    MAIN,
    'serve',
    '--config',
    await config(0, 'tls: { certFile: none.pem, keyFile: none.key }\n'),
  ]);
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(
    /:2: tls\.certFile: .*none\.pem cannot be read\n.*:2: tls\.keyFile: .*none\.key cannot be read\n$/,
  );
});

test('a wrong master key is one clear line', async () => {
  const file = await config(0);
  const { child } = await serve(file);
  await end(child);
  const outcome = await run(process.execPath, [MAIN, 'serve', '--config', file], {
    env: { ARCHIVIA_MASTER_KEY: 'ab'.repeat(32) },
  });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/^the master key in ARCHIVIA_MASTER_KEY is not the one/);
});
