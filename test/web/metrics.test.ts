/** `/metrics` and `/healthz` of a server that runs, and of stores that do not. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { faultsOf } from '../../src/server/health.ts';
import { readMetricsToken } from '../../src/server/metrics.ts';
import { Sampling } from '../../src/server/sampling.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import type { AccountDirectory } from '../../src/store/accounts/types.ts';
import type { Store } from '../../src/store/types.ts';
import { expose } from '../../src/web/exposition.ts';
import { createWebServer } from '../../src/web/server.ts';
import { plainMessage } from '../support/messages.ts';
import { RawImap } from '../support/raw-imap.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const ADDRESS = 'mario.rossi@pec.example.it';
const logger = pino({ level: 'silent' });
let directory: TemporaryDirectory;
let server: RunningServer;

beforeAll(async () => {
  directory = await temporaryDirectory('metrics');
  await writeFile(join(directory.path, 'box.pass'), 'segreta\n');
  const config = join(directory.path, 'archivia.yaml');
  await writeFile(
    config,
    `dataDir: data
imap: { listen: [{ host: 127.0.0.1, port: 0, tls: none }] }
web: { listen: { host: 127.0.0.1, port: 0, tls: none } }
upstreams: { qui: { local: true } }
plans: { piccolo: { archiveBytes: 10000 } }
accounts: [{ address: ${ADDRESS}, upstream: qui, plan: piccolo, passwordFile: box.pass }]
conservation: { policy: { incoming: none } }
`,
  );
  server = await startServer(await loadConfig(config), { logger });
});
afterAll(async () => {
  await server.stop();
  await directory.remove();
});

async function figures(): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${server.ports.web}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  const text = await response.text();
  expect(text).not.toContain('mario');
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

test('a server tells of its sessions, logins, messages, plans, queue and process, and of no mailbox', async () => {
  const port = server.ports.imap[0] ?? 0;
  const client = await RawImap.login(port, ADDRESS, 'segreta');
  const wrong = await RawImap.connect(port);
  await wrong.response();
  expect((await wrong.command(`LOGIN ${ADDRESS} sbagliata`)).status).toBe('NO');
  await client.append('Archivio', Buffer.from(plainMessage({ subject: 'Prova', body: 'x'.repeat(700) })));
  await client.append('--ARCHIVIA--', Buffer.from(plainMessage({ subject: 'Da conservare' })));
  await server.conservation.drain(ADDRESS);
  const told = await figures();
  expect(Object.fromEntries(told)).toMatchObject({
    'archivia_sessions{protocol="imap"}': 2,
    'archivia_logins_total{protocol="imap",outcome="accepted"}': 1,
    'archivia_logins_total{protocol="imap",outcome="refused"}': 1,
    archivia_accounts: 1,
    archivia_accounts_unreadable: 0,
    'archivia_messages{tree="archive"}': 2,
    archivia_conservation_queue: 0,
    archivia_conserved: 1,
    'archivia_plan_limit_bytes{plan="piccolo",space="archive"}': 10000,
    archivia_notices_failing_accounts: 0,
  });
  expect(told.get('archivia_segments_bytes')).toBeGreaterThan(0);
  expect(told.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(told.get('archivia_plan_used_bytes{plan="piccolo",space="archive"}')).toBeGreaterThan(700);
  client.close();
  wrong.close();
});

test('a request that a proxy brings is not answered, and the server is healthy', async () => {
  const url = `http://127.0.0.1:${server.ports.web}`;
  expect((await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '192.0.2.1' } })).status).toBe(403);
  expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
});

test('with a token nobody is answered without it', async () => {
  const web = createWebServer({
    listener: { host: '127.0.0.1', port: 0, tls: 'none' },
    tls: { cert: '', key: '' },
    faults: async () => [],
    metrics: { token: 'parola-lunga', collect: async () => [] },
  });
  const url = `http://127.0.0.1:${await web.listen()}/metrics`;
  const status = async (headers: Record<string, string>) => (await fetch(url, { headers })).status;
  try {
    expect(await status({})).toBe(401);
    expect(await status({ authorization: 'Bearer parola-corta' })).toBe(401);
    expect(await status({ authorization: 'Bearer parola-lunga', 'x-forwarded-for': '192.0.2.1' })).toBe(200);
  } finally {
    await web.close();
  }
});

test('a token comes from its file, and one that anybody could guess is refused', async () => {
  const listen = { host: '127.0.0.1', port: 0, tls: 'none' as const };
  const tokenFile = join(directory.path, 'token');
  await writeFile(tokenFile, 'parola-lunga\n');
  expect(await readMetricsToken({ listen, metrics: { tokenFile } })).toBe('parola-lunga');
  expect(await readMetricsToken({ listen })).toBeNull();
  await writeFile(tokenFile, '\n');
  await expect(readMetricsToken({ listen, metrics: { tokenFile } })).rejects.toThrow(/8 characters/);
});

test('the text format: names, labels with escapes, nothing of what has no samples', () => {
  const samples = [{ labels: { plan: 'a"b\\c' }, value: 1.5 }];
  expect(
    expose([
      { name: 'one', type: 'gauge', help: 'First.', samples },
      { name: 'none', type: 'counter', help: 'Second.', samples: [] },
    ]),
  ).toBe('# HELP one First.\n# TYPE one gauge\none{plan="a\\"b\\\\c"} 1.5\n');
});

test('a store that cannot be read and a directory that is not there are reasons, and nobody is named', async () => {
  const store: Pick<Store, 'addresses' | 'account'> = {
    addresses: async () => [ADDRESS],
    account: async () => {
      throw new Error('file is not a database');
    },
  };
  const { config } = await loadConfig(join(directory.path, 'archivia.yaml'));
  const directoryOfNone = {} as AccountDirectory;
  const sampling = new Sampling({ config, directory: directoryOfNone, store: store as Store, logger });
  expect(await faultsOf(join(directory.path, 'none'), sampling)).toEqual([
    'the data directory is not writable',
    'stores of accounts that cannot be read: 1',
  ]);
});
