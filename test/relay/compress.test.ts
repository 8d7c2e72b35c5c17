import { constants } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { literalOf } from '../support/raw-imap.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;
let { upstream, client, session } = {} as Scene;

beforeEach(async () => {
  scene = await startScene();
  ({ upstream, client, session } = scene);
});
afterEach(() => scene.stop());

/** Answers the next FETCH. */
function onFetch(handle: (tag: string) => void): void {
  upstream.answer = (_session, tag, command) => {
    if (!command.startsWith('FETCH')) return false;
    handle(tag);
    return true;
  };
}

describe('COMPRESS in front of an upstream', () => {
  test('ends here, whatever the upstream has, and what is passed on is compressed octet by octet', async () => {
    await client.ok('SELECT INBOX');
    await client.compress(constants.Z_PARTIAL_FLUSH);
    const body =
      '* 1 FETCH (BODY[] {29}\r\nt9 OK FETCH completed\r\n\0\xff\r\nab)\r\n* OK [ALERT] \xe8\r\n* 7 EXISTS\r\n';
    onFetch(tag => session().say(`${body}${tag} OK done\r\n`));
    const reply = await client.ok('FETCH 1 BODY[]');
    expect(Buffer.concat(reply.untagged).toString('latin1')).toBe(body);
    await client.send('a NOOP\r\nb STATUS Archivio (MESSAGES)\r\nc SELECT Archivio\r\nd SELECT INBOX\r\ne LOGOUT\r\n');
    for (const tag of ['a', 'b', 'c', 'd', 'e']) expect((await client.reply(tag)).status).toBe('OK');
    await client.closed();
    expect(session().received.join('\n')).not.toContain('COMPRESS');
  });

  test('an upstream that talks while compression begins is heard whole', async () => {
    await client.ok('SELECT INBOX');
    const chatter = setInterval(() => session().say('* 6 EXISTS\r\n'), 0);
    // zlib, or the helper, would stumble over an octet in clear behind the OK.
    await client.compress();
    for (let turn = 0; turn < 5; turn++) expect((await client.ok('CAPABILITY')).status).toBe('OK');
    clearInterval(chatter);
  });

  test('a client that stops reading holds the upstream up', async () => {
    await client.ok('SELECT INBOX');
    await client.compress();
    const size = 48 * 1024 * 1024;
    const noise = Buffer.alloc(256 * 1024);
    let seed = 1;
    for (let index = 0; index < noise.length; index++) {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      noise[index] = seed >>> 16;
    }
    let written = 0;
    onFetch(async tag => {
      const { socket } = session();
      socket.write(`* 1 FETCH (BODY[] {${size}}\r\n`);
      while (written < size) {
        written += noise.length;
        if (!socket.write(noise)) await new Promise(resolve => socket.once('drain', resolve));
      }
      socket.write(`)\r\n${tag} OK done\r\n`);
    });
    client.socket.pause();
    await client.send('f FETCH 1 BODY[]\r\n');
    for (let before = -1; before !== written || written === 0; ) {
      before = written;
      await new Promise(resolve => setTimeout(resolve, 300));
    }
    expect(written).toBeLessThan(32 * 1024 * 1024);
    client.socket.resume();
    const reply = await client.reply('f', 25_000);
    const literal = literalOf(reply.untagged[0] ?? Buffer.alloc(0));
    expect(literal.length).toBe(size);
    expect(literal.subarray(-noise.length).equals(noise)).toBe(true);
  });
});

describe('a response of the upstream that is not complete', () => {
  test('holds our own answers back until it is', async () => {
    await client.ok('SELECT INBOX');
    session().say('* 3 FETCH (BODY[] {20}\r\n0123456789');
    await new Promise(resolve => setTimeout(resolve, 50));
    await client.send('a CAPABILITY\r\nb NOOP\r\n');
    await new Promise(resolve => setTimeout(resolve, 50));
    session().say('abcdefghij)\r\n');
    expect(String(await client.response())).toBe('* 3 FETCH (BODY[] {20}\r\n0123456789abcdefghij)\r\n');
    expect(String(await client.response())).toMatch(/^\* CAPABILITY/);
    expect((await client.reply('a')).status).toBe('OK');
    expect((await client.reply('b')).status).toBe('OK');
  });
});
