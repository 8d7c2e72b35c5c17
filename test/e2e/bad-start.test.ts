import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { configuration, serve } from '../support/archivia.ts';
import { makeServerCertificates } from '../support/certificates.ts';
import { end, freePort } from '../support/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

describe('a server that cannot start', () => {
  let temporary: TemporaryDirectory;
  let occupant: Server;
  let occupied: number;

  beforeAll(async () => {
    temporary = await temporaryDirectory('bad-start');
    await makeServerCertificates(temporary.path);
    occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const address = occupant.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    occupied = address.port;
  });
  afterAll(async () => {
    occupant?.close();
    await temporary?.remove();
  });

  let round = 0;
  /** Starts with a bent configuration; what it said and how it ended. */
  async function attempt(bend: (config: Record<string, unknown>) => string | object) {
    const dataDir = join(temporary.path, `data${round++}`);
    await mkdir(dataDir);
    const good = configuration(dataDir, { dovecot: { imapPort: await freePort(), imapsPort: null, caFile: null } });
    const bent = bend(good);
    const file = join(temporary.path, 'archivia.yaml');
    await writeFile(file, typeof bent === 'string' ? bent : stringify(bent));
    const { child, log, ready } = serve(file, temporary.path);
    const started = await ready.then(
      () => true,
      () => false,
    );
    await end(child);
    return { started, code: child.exitCode, said: log.join('\n') };
  }

  const listen = (entry: object) => ({ imap: { listen: [{ host: '127.0.0.1', ...entry }] } });

  it('names the unknown key, with a suggestion', async () => {
    const outcome = await attempt(config => ({ ...config, archivio: { enabled: true } }));
    expect(outcome).toMatchObject({ started: false, code: 2 });
    expect(outcome.said).toContain('archivio');
    const nested = await attempt(config => ({ ...config, ...listen({ port: 0, tls: 'none', prot: 3 }) }));
    expect(nested).toMatchObject({ started: false, code: 2 });
    expect(nested.said).toMatch(/imap.*listen.*prot/s);
    expect(nested.said).not.toMatch(/\n\s+at /);
  });

  it('names the line of broken YAML', async () => {
    const outcome = await attempt(config => stringify(config).replace('dataDir: ', 'dataDir: [}'));
    expect(outcome).toMatchObject({ started: false, code: 2 });
    expect(outcome.said).toMatch(/line 1|:1:|\(1/);
    expect(outcome.said).not.toMatch(/\n\s+at /);
  });

  it('names the file that is not there', async () => {
    const { child, log, ready } = serve(join(temporary.path, 'manca.yaml'), temporary.path);
    await expect(ready).rejects.toThrow();
    await end(child);
    expect(child.exitCode).toBe(2);
    expect(log.join('\n')).toContain('manca.yaml');
  });

  it('names the port in use', async () => {
    const outcome = await attempt(config => ({ ...config, ...listen({ port: occupied, tls: 'none' }) }));
    expect(outcome).toMatchObject({ started: false, code: 1 });
    expect(outcome.said).toContain(String(occupied));
    expect(outcome.said).toMatch(/in use/);
    expect(outcome.said).not.toMatch(/\n\s+at /);
  });

  it('names the missing certificate', async () => {
    const tls = { certFile: 'manca.pem', keyFile: 'server.key' };
    const outcome = await attempt(config => ({ ...config, ...listen({ port: 0, tls: 'implicit' }), tls }));
    expect(outcome.started).toBe(false);
    expect([1, 2]).toContain(outcome.code);
    expect(outcome.said).toContain('manca.pem');
    expect(outcome.said).not.toMatch(/\n\s+at /);
  });

  it('refuses clear text on an address that others can reach', async () => {
    const outcome = await attempt(config => ({
      ...config,
      imap: { listen: [{ host: '0.0.0.0', port: 0, tls: 'none' }] },
    }));
    expect(outcome).toMatchObject({ started: false, code: 2 });
    expect(outcome.said).toMatch(/loopback|none/);
  });

  it('refuses a data directory that another server uses', async () => {
    const dataDir = join(temporary.path, 'shared-data');
    await mkdir(dataDir);
    const dovecot = { imapPort: await freePort(), imapsPort: null, caFile: null };
    const file = join(temporary.path, 'first.yaml');
    await writeFile(file, stringify(configuration(dataDir, { dovecot })));
    const first = serve(file, temporary.path);
    await first.ready;
    const second = serve(file, temporary.path);
    await expect(second.ready).rejects.toThrow();
    expect(second.child.exitCode).toBe(1);
    expect(second.log.join('\n')).toContain('shared-data');
    await end(first.child, 'SIGKILL');
    const third = serve(file, temporary.path);
    await third.ready;
    await end(third.child);
    expect(third.child.exitCode).toBe(0);
  });
});
