import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Config, configSchema } from '../../src/config/schema.ts';
import { Closers } from '../../src/server/closers.ts';
import { lockDataDirectory } from '../../src/server/data-lock.ts';
import { loadTls } from '../../src/server/tls.ts';
import { createWebServer } from '../../src/web/server.ts';

const logger = pino({ level: 'silent' });
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-server-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function config(extra: object = {}): Config {
  return configSchema.parse({
    dataDir: directory,
    imap: { listen: [{ host: '127.0.0.1', port: 0, tls: 'none' }] },
    ...extra,
  });
}

describe('the self-signed certificate', () => {
  test('is made once, kept, and its key readable by nobody else', async () => {
    const first = await loadTls(config(), logger);
    const second = await loadTls(config(), logger);
    expect(first.selfSigned).toBe(true);
    expect(first.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(second).toEqual(first);
    expect((await stat(join(directory, 'tls', 'server.pem'))).mode & 0o077).toBe(0);
  });

  test('is not made where one is configured', async () => {
    const own = await loadTls(config(), logger);
    const pem = join(directory, 'tls', 'server.pem');
    const given = await loadTls(config({ tls: { certFile: pem, keyFile: pem } }), logger);
    expect(given.fingerprint).toBe(own.fingerprint);
    expect(given.selfSigned).toBe(false);
    expect(given.key).toBe(await readFile(pem, 'utf8'));
  });
});

describe('the lock on the data directory', () => {
  test('keeps a second server out, and is free again after the first', async () => {
    const release = await lockDataDirectory(directory);
    await expect(lockDataDirectory(directory)).rejects.toThrow(/in use by another archivia/);
    release();
    (await lockDataDirectory(directory))();
  });

  test('makes the directory', async () => {
    const made = join(directory, 'a', 'b');
    (await lockDataDirectory(made))();
    expect((await stat(made)).isDirectory()).toBe(true);
  });
});

describe('closers', () => {
  test('run in the opposite order, past failures and laggards, once', async () => {
    const closers = new Closers(logger);
    const closed: string[] = [];
    const step = (name: string) => closers.push(name, async () => void closed.push(name));
    step('first');
    closers.push('failing', () => Promise.reject(new Error('no')));
    closers.push('endless', () => new Promise(() => {}));
    step('last');
    await Promise.all([closers.closeAll(20), closers.closeAll(20)]);
    expect(closed).toEqual(['last', 'first']);
  });
});

describe('the web server', () => {
  test('answers /healthz by the state of the listeners and nothing else', async () => {
    const reasons: string[] = [];
    const listener = { host: '127.0.0.1', port: 0, tls: 'none' as const };
    const server = createWebServer({ listener, tls: { cert: '', key: '' }, faults: async () => reasons });
    const port = await server.listen();
    const get = async (path: string, method = 'GET') => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
      return [response.status, await response.text()];
    };
    try {
      expect(await get('/healthz')).toEqual([200, '{"status":"ok"}\n']);
      reasons.push('the disk is full');
      expect(await get('/healthz')).toEqual([503, '{"status":"unavailable","reasons":["the disk is full"]}\n']);
      expect(await get('/healthz', 'HEAD')).toEqual([503, '']);
      expect((await get('/healthz', 'POST'))[0]).toBe(405);
      expect((await get('/'))[0]).toBe(404);
    } finally {
      await server.close();
    }
    await expect(get('/healthz')).rejects.toThrow();
  });

  test('a port in use rejects', async () => {
    const listener = { host: '127.0.0.1', port: 0, tls: 'none' as const };
    const options = { tls: { cert: '', key: '' }, faults: async () => [] };
    const first = createWebServer({ ...options, listener });
    const port = await first.listen();
    try {
      await expect(createWebServer({ ...options, listener: { ...listener, port } }).listen()).rejects.toMatchObject({
        code: 'EADDRINUSE',
      });
    } finally {
      await first.close();
    }
  });

  test('speaks TLS unless told otherwise', async () => {
    const tls = await loadTls(config(), logger);
    const server = createWebServer({
      listener: { host: '127.0.0.1', port: 0, tls: 'implicit' },
      tls,
      faults: async () => [],
    });
    const port = await server.listen();
    try {
      const { request } = await import('node:https');
      const status = await new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path: '/healthz', ca: tls.cert }, response => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
      expect(status).toBe(200);
    } finally {
      await server.close();
    }
  });
});
