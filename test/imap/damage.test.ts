import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreError } from '../../src/store/types.ts';
import { Engine, message } from './support/engine.ts';

/** A store that cannot read what it has: told, never served, and nobody else is harmed. */

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
beforeEach(() => {
  engine.errors.length = 0;
});
afterAll(() => engine.stop());

const damaged = () => new StoreError('CORRUPTION', 'Il messaggio è danneggiato');

async function selected() {
  const account = await engine.account();
  const client = await account.login();
  await account.deliver('INBOX', message('uno'));
  await account.deliver('INBOX', message('grande', 'riga di prova\r\n'.repeat(100_000)));
  await account.deliver('INBOX', message('tre'));
  await client.ok('SELECT INBOX');
  return { account, client };
}

describe('a damaged message', () => {
  it('found before its literal has begun, it is left out and the others are served', async () => {
    const { account, client } = await selected();
    vi.spyOn(account.store, 'read').mockRejectedValueOnce(damaged());
    const lines = await client.run('UID FETCH 1:3 BODY.PEEK[]');
    expect(lines.map(line => line.slice(0, 20))).toEqual([
      expect.stringMatching(/^\* 1 FETCH/),
      expect.stringMatching(/^\* 3 FETCH/),
      expect.stringMatching(/^NO \[CORRUPTION\]/),
    ]);
    expect(engine.errors).toHaveLength(1);
    expect(await client.answer('NOOP')).toMatch(/^OK/);
  });

  it('found in the middle of its literal, it ends the connection', async () => {
    const { account, client } = await selected();
    const read = account.store.read.bind(account.store);
    vi.spyOn(account.store, 'read').mockImplementation(async (handle, start, length) => {
      if (start > 0) throw damaged();
      return read(handle, start, length);
    });
    await client.send('a UID FETCH 2 BODY.PEEK[]\r\n');
    await client.closed();
  });

  it('does not keep the rest of its run from being served', async () => {
    const { account, client } = await selected();
    const fetch = account.store.fetch.bind(account.store);
    vi.spyOn(account.store, 'fetch').mockImplementation(async (view, uids, request) => {
      if (uids.includes(2)) throw damaged();
      return fetch(view, uids, request);
    });
    const lines = await client.run('FETCH 1:3 ENVELOPE');
    expect(lines.slice(0, -1).map(line => line.slice(0, 9))).toEqual(['* 1 FETCH', '* 3 FETCH']);
    expect(lines.at(-1)).toMatch(/^NO \[CORRUPTION\]/);
  });
});

describe('a damaged message among many', () => {
  it('leaves every other one its own octets', async () => {
    const account = await engine.account();
    const client = await account.login();
    const count = 45;
    for (let number = 1; number <= count; number++) await account.deliver('INBOX', message(`numero ${number}.`));
    await client.ok('SELECT INBOX');
    const fetch = account.store.fetch.bind(account.store);
    vi.spyOn(account.store, 'fetch').mockImplementation(async (view, uids, request) => {
      if (uids.includes(30)) throw damaged();
      return fetch(view, uids, request);
    });
    const lines = await client.run('FETCH 1:* BODY.PEEK[]');
    const subjects = lines.slice(0, -1).map(line => Number(/Subject: numero (\d+)\./.exec(line)?.[1]));
    expect(subjects).toEqual(Array.from({ length: count }, (_, index) => index + 1).filter(number => number !== 30));
    expect(lines.at(-1)).toMatch(/^NO \[CORRUPTION\]/);
  });
});

describe('a store that fails', () => {
  it('is a NO for the command, without its reasons, and the session goes on', async () => {
    const { account, client } = await selected();
    vi.spyOn(account.store, 'search').mockRejectedValueOnce(new Error('SQLITE_IOERR at /var/lib/secret'));
    expect(await client.run('SEARCH ALL')).toEqual([
      "NO [SERVERBUG] Errore interno: il comando non e' stato eseguito.",
    ]);
    expect(await client.data('SEARCH ALL')).toEqual(['* SEARCH 1 2 3']);
  });

  it('does not turn a command that succeeded into one that failed', async () => {
    const { account, client } = await selected();
    vi.spyOn(account.store, 'changes').mockRejectedValueOnce(new StoreError('UNAVAILABLE', 'Non ora'));
    expect(await client.run('STORE 1 +FLAGS (\\Seen)')).toEqual(['* 1 FETCH (FLAGS (\\Seen))', 'OK Store completed.']);
    await account.deliver('INBOX', message('quattro'));
    expect(await client.data('NOOP')).toEqual(['* 4 EXISTS', '* 0 RECENT']);
  });

  it('loses no part of an APPEND: the literal is read, the command refused', async () => {
    const { account, client } = await selected();
    vi.spyOn(account.store, 'spool').mockRejectedValueOnce(new StoreError('UNAVAILABLE', 'Disco pieno'));
    await client.send('a APPEND INBOX {8+}\r\nb LOGOUT\r\nc NOOP\r\n');
    expect((await client.reply('a')).line).toBe('a NO [UNAVAILABLE] Disco pieno');
    expect((await client.reply('c')).status).toBe('OK');
  });
});
