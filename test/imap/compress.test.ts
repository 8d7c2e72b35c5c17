import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createImapListener, type ImapListener } from '../../src/imap/listener.ts';
import { literalOf } from '../support/raw-imap.ts';
import { Engine, message, PASSWORD, type TestAccount } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterAll(() => engine.stop());

const SYNC = { finishFlush: constants.Z_SYNC_FLUSH };

describe('COMPRESS (RFC 4978)', () => {
  test('is offered after login only, and only once', async () => {
    const account = await engine.account();
    const stranger = engine.connect();
    expect(await stranger.next()).not.toContain('COMPRESS');
    expect(await stranger.answer('COMPRESS DEFLATE')).toMatch(/^BAD/);
    const client = await account.login();
    expect((await client.data('CAPABILITY'))[0]).toContain(' COMPRESS=DEFLATE');
    expect(await client.answer('COMPRESS LZW')).toMatch(/^BAD/);
    expect(await client.answer('COMPRESS')).toMatch(/^BAD/);
    await client.compress();
    expect(await client.answer('COMPRESS DEFLATE')).toMatch(/^NO \[COMPRESSIONACTIVE\]/);
    expect(await client.answer('NOOP')).toBe('OK NOOP completed.');
    await client.ok('LOGOUT');
    await client.closed();
  });

  test('what comes in one packet with the command is compressed already', async () => {
    const client = await (await engine.account()).login();
    const { socket } = client;
    socket.removeAllListeners('data');
    const heard: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    const behind = deflateRawSync('b NOOP\r\nc LOGOUT\r\n', SYNC);
    await client.send(Buffer.concat([Buffer.from('a COMPRESS DEFLATE\r\n'), behind]));
    await client.closed();
    const all = Buffer.concat(heard);
    const first = 'a OK DEFLATE active.\r\n';
    expect(all.subarray(0, first.length).toString()).toBe(first);
    expect(inflateRawSync(all.subarray(first.length), SYNC).toString()).toMatch(
      /^b OK NOOP completed\.\r\n\* BYE .*\r\nc OK Logout completed\.\r\n$/,
    );
  });

  test.each([
    ['sync', constants.Z_SYNC_FLUSH],
    ['partial', constants.Z_PARTIAL_FLUSH],
    ['full', constants.Z_FULL_FLUSH],
  ])('commands are understood after %s flushes of whatever size', async (_name, flush) => {
    const client = await (await engine.account()).login();
    await client.compress(flush);
    for (const octet of 'x NO') await client.send(octet);
    await client.send('OP\r\ny IDLE\r\n');
    expect(await client.next()).toBe('x OK NOOP completed.');
    expect(await client.next()).toMatch(/^\+ /);
    await client.send('DONE\r\nz CAPABILITY\r\n');
    expect(await client.next()).toMatch(/^y OK/);
    expect(await client.next()).toMatch(/^\* CAPABILITY/);
    expect(await client.next()).toMatch(/^z OK/);
    client.close();
  });

  test('any cutting, flushing and pipelining gives the answers that the same commands give in clear', async () => {
    const account = await engine.account();
    const plain = await account.login();
    await account.deliver('INBOX', message('uno'));
    const commands = [
      'SELECT INBOX',
      'FETCH 1 (FLAGS BODY.PEEK[])',
      'SEARCH SUBJECT {3}\r\nuno',
      'NOOP',
      'FETCH 1 BODY.PEEK[TEXT]<2.5>',
      'STATUS INBOX (MESSAGES)',
    ];
    const script = commands.map((command, index) => `c${index} ${command.replace('{3}', '{3+}')}\r\n`).join('');
    await plain.send(script);
    const expected = String((await plain.reply('c5')).raw);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.constantFrom(constants.Z_SYNC_FLUSH, constants.Z_PARTIAL_FLUSH, constants.Z_FULL_FLUSH), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
        async (pieces, flushes, cuts) => {
          const client = await account.login();
          const { socket } = client;
          const inflate = createInflateRaw(SYNC);
          let heard = '';
          const done = Promise.withResolvers<void>();
          inflate.on('data', (chunk: Buffer) => {
            heard += chunk.toString('latin1');
            if (/^c5 /m.test(heard)) done.resolve();
          });
          const octets = await deflated(script, pieces, flushes);
          await client.ok('COMPRESS DEFLATE');
          socket.removeAllListeners('data');
          socket.pipe(inflate);
          for (let at = 0, turn = 0; at < octets.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            await client.send(octets.subarray(at, at + size));
            at += size;
          }
          await done.promise;
          expect(heard).toBe(expected);
          client.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  test('what is no DEFLATE stream ends the connection with BYE', async () => {
    const client = await (await engine.account()).login();
    const { socket } = client;
    await client.ok('COMPRESS DEFLATE');
    socket.removeAllListeners('data');
    const heard: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    await client.send(Buffer.alloc(64, 0xff));
    await client.closed();
    expect(inflateRawSync(Buffer.concat(heard), SYNC).toString()).toMatch(/^\* BYE /);
  });

  test('a bomb is not inflated further than it is read: it ends as an endless line', async () => {
    const client = await (await engine.account()).login();
    await client.compress();
    const before = process.memoryUsage().rss;
    // A gigabyte of one letter is a megabyte on the wire.
    const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024, 'a'), SYNC);
    const plain = await (await engine.account()).login();
    await plain.ok('COMPRESS DEFLATE');
    plain.socket.on('error', () => {});
    for (let turn = 0; turn < 16 && !plain.ended; turn++) plain.socket.write(bomb);
    await plain.closed();
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
    expect(await client.answer('NOOP')).toMatch(/^OK/);
  });

  test('pushes what happens in IDLE at once', async () => {
    const account = await engine.account();
    const client = await account.login();
    await client.compress(constants.Z_PARTIAL_FLUSH);
    await client.ok('SELECT INBOX');
    await client.send('i IDLE\r\n');
    expect(await client.next()).toMatch(/^\+ /);
    await account.deliver('INBOX', message('nuovo'));
    expect(await client.next()).toBe('* 1 EXISTS');
    client.close();
  });

  test('fifty megabytes come out as they went in, also for a client that dawdles', async () => {
    const account = await engine.account();
    const line = 'JVBERi0xLjcKJcfsj6IKNSAwIG9iago8PC9MZW5ndGggNiAwIFIvRmlsdGVyIC9GbGF0ZURlY29k\r\n';
    const raw = Buffer.from(message('grande', line.repeat(50_000_000 / line.length)));
    const client = await account.login();
    await account.deliver('INBOX', raw);
    await client.compress();
    await client.ok('SELECT INBOX');
    await client.send('f FETCH 1 BODY.PEEK[]\r\n');
    client.socket.pause();
    await new Promise(resolve => setTimeout(resolve, 300));
    client.socket.resume();
    const reply = await client.reply('f', 25_000);
    expect(literalOf(reply.untagged[0] ?? Buffer.alloc(0)).equals(raw)).toBe(true);
    client.close();
  });
});

describe('COMPRESS with a client of another make', () => {
  let listener: ImapListener;
  let port: number;
  let account: TestAccount;
  beforeAll(async () => {
    listener = createImapListener({
      ...engine.services,
      listener: { host: '127.0.0.1', port: 0, tls: 'none' },
      tls: {},
    });
    port = await listener.listen();
    account = await engine.account();
    (await account.login()).close();
    await account.deliver('INBOX', message('per python', 'riga\r\n'.repeat(1_000)));
  });
  afterAll(() => listener.close());

  test("Python's imaplib over its zlib", async () => {
    const { stdout } = await promisify(execFile)('python3', ['-c', PYTHON, String(port), account.address, PASSWORD]);
    expect(stdout.trim().split('\n')).toEqual(['1', '1000', 'OK', 'BYE']);
  });
});

/** A file-like pair for imaplib: reads as little as it can, writes with partial flushes in two pieces. */
const PYTHON = `
import imaplib, sys, zlib
class Deflated(imaplib.IMAP4):
    def compress(self):
        typ, _ = self.xatom('COMPRESS', 'DEFLATE')
        assert typ == 'OK'
        self.packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.unpacker = zlib.decompressobj(-15)
        self.clear = b''
        self.plain_send = self.sock.sendall
        self.read, self.readline, self.send = self.z_read, self.z_readline, self.z_send
    def more(self):
        data = self.sock.recv(700)
        if not data: raise self.abort('eof')
        self.clear += self.unpacker.decompress(data)
    def z_read(self, size):
        while len(self.clear) < size: self.more()
        data, self.clear = self.clear[:size], self.clear[size:]
        return data
    def z_readline(self):
        while b'\\n' not in self.clear: self.more()
        end = self.clear.index(b'\\n') + 1
        data, self.clear = self.clear[:end], self.clear[end:]
        return data
    def z_send(self, data):
        half = len(data) // 2
        for piece in (data[:half], data[half:]):
            self.sock.sendall(self.packer.compress(piece) + self.packer.flush(zlib.Z_PARTIAL_FLUSH))
imaplib.Commands['COMPRESS'] = ('AUTH', 'SELECTED')
client = Deflated('127.0.0.1', int(sys.argv[1]))
client.login(sys.argv[2], sys.argv[3])
client.compress()
print(client.select('INBOX')[1][0].decode())
body = client.fetch('1', '(BODY.PEEK[TEXT])')[1][0][1]
print(body.count(b'riga'))
print(client.append('INBOX', None, None, b'Subject: z\\r\\n\\r\\n' + b'z' * 100000)[0])
print(client.logout()[0])
`;

/** The script in pieces, each with a flush of its own. */
async function deflated(script: string, pieces: readonly number[], flushes: readonly number[]): Promise<Buffer> {
  const deflate = createDeflateRaw();
  const out: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => out.push(chunk));
  for (let at = 0, turn = 0; at < script.length; turn++) {
    const size = pieces[turn % pieces.length] ?? 1;
    deflate.write(script.slice(at, at + size));
    await new Promise<void>(resolve => deflate.flush(flushes[turn % flushes.length] ?? 2, resolve));
    at += size;
  }
  await new Promise<void>(resolve => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
  deflate.destroy();
  return Buffer.concat(out);
}
