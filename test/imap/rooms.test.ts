import { type AddressInfo, createServer } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connection } from '../../src/imap/connection.ts';
import { ResponseWriter } from '../../src/imap/wire/writer.ts';
import { RawImap } from '../support/raw-imap.ts';
import { Engine, message, PASSWORD } from './support/engine.ts';

/** Three runs of bodies: the memory that the first was read into is used again. */
const MESSAGES = 110;

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterAll(() => engine.stop());

// Over a real socket: only there have octets left when they count as sent.
it('many bodies come as they are', async () => {
  const account = await engine.account();
  const raws = Array.from({ length: MESSAGES }, (_, index) =>
    message(`numero ${index}`, `${index} riga\r\n`.repeat(1_200 + 10 * index)),
  );
  const server = createServer(socket => {
    const options = { id: 'test', services: engine.services, tls: null, secure: true };
    void new Connection(socket, options).serve();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const client = await RawImap.login((server.address() as AddressInfo).port, account.address, PASSWORD);
  await Promise.all(raws.map(raw => account.deliver('INBOX', raw, ['\\Seen'])));
  try {
    await client.ok('EXAMINE INBOX');
    const { untagged } = await client.ok('FETCH 1:* BODY.PEEK[]');
    const bodies = untagged.map(response => response.subarray(response.indexOf('\r\n') + 2, -3).toString('latin1'));
    expect(bodies.toSorted()).toEqual(raws.toSorted());
  } finally {
    client.close();
    await new Promise(resolve => server.close(resolve));
  }
  expect(engine.errors).toEqual([]);
});

it('octets count as sent when the socket has let go of them, or is closed', async () => {
  const waiting: (() => void)[] = [];
  const socket = new Writable({ write: (_chunk, _encoding, done) => waiting.push(done) });
  const writer = new ResponseWriter(socket as ConstructorParameters<typeof ResponseWriter>[0]);
  const sent: string[] = [];
  const push = async (name: string) => {
    writer.push(Buffer.from(name));
    await writer.flush();
    void writer.sent().then(() => sent.push(name));
    await new Promise(setImmediate);
  };
  await writer.sent();
  await push('one');
  await push('two');
  expect(sent).toEqual([]);
  waiting.shift()?.();
  await new Promise(setImmediate);
  expect(sent).toEqual([]);
  waiting.shift()?.();
  await new Promise(setImmediate);
  expect(sent).toEqual(['one', 'two']);
  await push('three');
  socket.destroy();
  await new Promise(setImmediate);
  expect(sent).toEqual(['one', 'two', 'three']);
});
