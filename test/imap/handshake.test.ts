/** TLS handshakes that never end, and what a silent client under TLS is given time for. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createImapListener, type ImapListener } from '../../src/imap/listener.ts';
import { makeServerCertificates } from '../support/certificates.ts';
import { RawImap } from '../support/raw-imap.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { Engine, PASSWORD } from './support/engine.ts';

let engine: Engine;
let directory: TemporaryDirectory;
let ca: string;
const listeners: ImapListener[] = [];
const ports = { implicit: 0, starttls: 0 };
beforeAll(async () => {
  engine = await Engine.start();
  directory = await temporaryDirectory('stretta');
  const { certFile, keyFile, caFile } = await makeServerCertificates(directory.path);
  const tls = { cert: await readFile(certFile), key: await readFile(keyFile) };
  ca = await readFile(caFile, 'utf8');
  for (const kind of ['implicit', 'starttls'] as const) {
    const listener = createImapListener({
      ...engine.services,
      listener: { host: '127.0.0.1', port: 0, tls: kind },
      tls,
      timeouts: { login: 500, beforeLogin: 600_000, idle: 600_000, parting: 50 },
    });
    ports[kind] = await listener.listen();
    listeners.push(listener);
  }
});
afterAll(async () => {
  for (const listener of listeners) await listener.close();
  await engine.stop();
  await directory.remove();
});

/** The first octets of a handshake, and no more of it. */
const BEGUN = Buffer.from('160301', 'hex');

it('a handshake that does not go on is given up', async () => {
  const implicit = new RawImap(connect(ports.implicit, '127.0.0.1'));
  const starttls = await RawImap.connect(ports.starttls);
  await starttls.response();
  await starttls.ok('STARTTLS');
  await Promise.all([implicit.send(BEGUN), starttls.send(BEGUN)]);
  await implicit.closed();
  await starttls.closed();
});

it('a client that has logged in under STARTTLS is given the time of one that has', async () => {
  const client = await RawImap.connect(ports.starttls);
  await client.response();
  await client.ok('STARTTLS');
  await client.startTls(ca);
  const { address } = await engine.account();
  await client.ok(`LOGIN ${address} ${PASSWORD}`);
  await client.send('i IDLE\r\n');
  // Of one that came later and has not logged in the time is over.
  const later = new RawImap(connectTls({ port: ports.implicit, host: '127.0.0.1', ca, servername: 'localhost' }));
  await later.closed();
  await client.send('DONE\r\nn NOOP\r\n');
  expect((await client.reply('n')).status).toBe('OK');
  client.close();
});
