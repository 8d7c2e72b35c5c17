import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connection } from '../../src/imap/connection.ts';
import { ResponseWriter } from '../../src/imap/wire/writer.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { Engine, message, PASSWORD } from './support/engine.ts';

/** Several runs of bodies, more than the system takes for a client that does not read. */
const MESSAGES = 110;

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterAll(() => engine.stop());

// Over a real socket: only there have octets left when they count as sent. It takes all that it is given, so that
// nothing but the wait for what has been sent keeps the memory under it from being used again.
it('many bodies come as they are, to a client that does not read for a while', async () => {
  const account = await engine.account();
  const raws = Array.from({ length: MESSAGES }, (_, index) =>
    message(`numero ${index}`, `${String(index).padStart(6, '0')} riga\r\n`.repeat(12_000 + 10 * index)),
  );
  let accepted: Socket | null = null;
  const server = createServer({ highWaterMark: 64 * 1024 * 1024 }, socket => {
    accepted = socket;
    const options = { id: 'test', services: engine.services, tls: null, secure: true };
    void new Connection(socket, options).serve();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const client = await RawImap.login((server.address() as AddressInfo).port, account.address, PASSWORD);
  await Promise.all(raws.map(raw => account.deliver('INBOX', raw, ['\\Seen'])));
  try {
    await client.ok('EXAMINE INBOX');
    client.socket.pause();
    await client.send('f FETCH 1:* BODY.PEEK[]\r\n');
    await comesToRest(() => accepted?.writableLength ?? 0);
    client.socket.resume();
    const { status, untagged } = await client.reply('f');
    expect(status).toBe('OK');
    const bodies = untagged.map(response => response.subarray(response.indexOf('\r\n') + 2, -3).toString('latin1'));
    const expected = raws.toSorted();
    const wrong = bodies.toSorted().filter((body, index) => body !== expected[index]);
    expect(wrong.length).toBe(0);
    expect(bodies.length).toBe(MESSAGES);
  } finally {
    client.close();
    await new Promise(resolve => server.close(resolve));
  }
  expect(engine.errors).toEqual([]);
});

/** Until a figure is above zero and has stayed the same at several looks. */
async function comesToRest(figure: () => number): Promise<void> {
  let last = 0;
  let same = 0;
  await eventually('the figure to come to rest', async () => {
    const now = figure();
    same = now > 0 && now === last ? same + 1 : 0;
    last = now;
    return same >= 10;
  });
}

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
