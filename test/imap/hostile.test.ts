import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/imap/wire/limits.ts';
import { type Client, Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

const STATES: Record<string, () => Promise<Client>> = {
  'not authenticated': async () => {
    const client = engine.connect();
    await client.response();
    return client;
  },
  authenticated: async () => (await engine.account()).login(),
  selected: async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'));
    await client.ok('SELECT INBOX');
    return client;
  },
};

async function bye(client: Client): Promise<string> {
  for (;;) {
    const line = await client.next();
    if (line.startsWith('* BYE')) {
      await client.closed();
      return line;
    }
  }
}

describe.each(Object.entries(STATES))('%s', (name, connect) => {
  it('a line without end ends the connection', async () => {
    const client = await connect();
    // The server hangs up in the middle of it.
    client.send(`a NOOP ${'x'.repeat(LIMITS.lineAfterLogin + 10)}`).catch(() => {});
    expect(await bye(client)).toContain('[TOOBIG]');
  });

  it('a literal that is too large is not invited, or read and dropped', async () => {
    const client = await connect();
    expect(await client.answer('LOGIN {100000}')).toMatch(/^BAD /);
    await client.send(`b LOGIN {20000+}\r\n${'x'.repeat(20_000)} y\r\nc NOOP\r\n`);
    expect((await client.reply('b')).status).toBe('BAD');
    expect((await client.reply('c')).status).toBe('OK');
  });

  it('a non-synchronising literal beyond every limit ends the connection', async () => {
    const client = await connect();
    await client.send('a LOGIN {999999999999+}\r\nxxxx');
    expect(await bye(client)).toContain('[TOOBIG]');
  });

  it('too many wrong commands end the connection', async () => {
    const client = await connect();
    const limit = name === 'not authenticated' ? LIMITS.badCommandsBeforeLogin : LIMITS.badCommandsAfterLogin;
    for (let count = 1; count <= limit; count++) await client.send('x NOPE\r\n');
    for (let count = 1; count <= limit; count++) expect(await client.next()).toBe('x BAD Unknown command');
    await bye(client);
  });

  it('NULs, empty lines, bare LF, no tag, blanks', async () => {
    const client = await connect();
    await client.send('\r\n\n\r\na NOOP\nb\0 NOOP\r\nc NOOP \r\n');
    expect(await client.next()).toBe('a OK NOOP completed.');
    expect(await client.next()).toBe('* BAD Invalid command');
    expect(await client.next()).toBe('c OK NOOP completed.');
    await client.send('NOOP\r\nd  NOOP\r\ne CAPABILITY\r\n');
    expect(await client.next()).toMatch(/ BAD /);
    expect(await client.next()).toMatch(/^d BAD /);
    expect(await client.next()).toMatch(/^\* CAPABILITY IMAP4rev1 /);
  });

  it('commands of another state are refused', async () => {
    const client = await connect();
    const wrong = { 'not authenticated': 'SELECT INBOX', authenticated: 'FETCH 1 FLAGS', selected: 'LOGIN a b' }[name];
    expect(await client.answer(wrong ?? '')).toMatch(/^BAD /);
    expect(await client.answer('LOGOUT')).toBe('OK Logout completed.');
    await client.closed();
  });
});

describe('after login', () => {
  it('parentheses and quoted strings have their limits', async () => {
    const client = await STATES.selected?.();
    if (client === undefined) throw new Error('no client');
    expect(await client.answer(`SEARCH ${'('.repeat(100_000)}`)).toMatch(/^BAD /);
    expect(await client.answer(`FETCH 1 ${'('.repeat(100)}`)).toMatch(/^BAD /);
    expect(await client.answer('SELECT "unfinished')).toMatch(/^BAD /);
    expect(await client.answer('SELECT "bad\\escape"')).toMatch(/^BAD /);
    await client.send('n LIST "" {3+}\r\na\0b\r\n');
    expect((await client.reply('n')).status).toBe('BAD');
    expect(await client.answer(`FETCH ${'1,'.repeat(50_000)}1 UID`)).toMatch(/^OK /);
  });

  it('a command whose literals add up to too much is refused', async () => {
    const client = await STATES.authenticated?.();
    if (client === undefined) throw new Error('no client');
    const literal = `{8192+}\r\n${'x'.repeat(8192)}`;
    await client.send(`a LIST "" (${Array.from({ length: 80 }, () => literal).join(' ')})\r\nb NOOP\r\n`);
    expect((await client.reply('a')).status).toBe('BAD');
    expect((await client.reply('b')).status).toBe('OK');
  });

  it('a client that does not read holds back its own command and nobody else', async () => {
    const account = await engine.account();
    const client = await account.login();
    const raw = message('grande', 'riga di prova\r\n'.repeat(100_000));
    for (let count = 0; count < 8; count++) await account.deliver('INBOX', `X-N: ${count}\r\n${raw}`);
    await client.ok('SELECT INBOX');
    client.socket.pause();
    await client.send('a FETCH 1:* BODY.PEEK[]\r\n');
    const other = await account.login();
    expect(await other.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 8)']);
    client.socket.resume();
    const { untagged, status } = await client.reply('a');
    expect(status).toBe('OK');
    expect(untagged).toHaveLength(8);
  });
});
