import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

let engine: Engine;
let account: TestAccount;
let client: Client;
beforeAll(async () => {
  engine = await Engine.start();
  account = await engine.account();
  client = await account.login();
  await account.deliver('INBOX', message('uno'));
  await client.ok('CREATE Pratiche');
  await client.ok('SELECT INBOX');
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});
afterAll(() => engine.stop());

/** The next MOVE or FETCH waits until it is let go. */
function holdUp(method: 'move' | 'fetch'): () => void {
  const gate = Promise.withResolvers<void>();
  const original = account.store[method].bind(account.store) as (...parameters: unknown[]) => Promise<never>;
  vi.spyOn(account.store, method).mockImplementation(async (...parameters: unknown[]) => {
    await gate.promise;
    return original(...parameters);
  });
  return gate.resolve;
}

test('a command that works in silence says so now and then, and stops when it is answered', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const letGo = holdUp('move');
  await client.send('m MOVE 1 Pratiche\r\n');
  await vi.waitFor(() => expect(account.store.move).toHaveBeenCalled());
  vi.advanceTimersByTime(19_000);
  vi.advanceTimersByTime(2_000);
  expect(await client.next()).toBe('* OK Still working');
  vi.advanceTimersByTime(40_000);
  expect(await client.next()).toBe('* OK Still working');
  letGo();
  const reply = await client.reply('m');
  expect(reply.untagged.map(String).filter(line => !line.startsWith('* OK Still'))).toEqual([
    expect.stringMatching(/^\* OK \[COPYUID /),
    '* 1 EXPUNGE\r\n',
  ]);
  vi.advanceTimersByTime(60_000);
  expect(await client.run('NOOP')).toEqual(['OK NOOP completed.']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a FETCH is never interrupted by it', async () => {
  await account.deliver('INBOX', message('due'));
  await client.ok('NOOP');
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const letGo = holdUp('fetch');
  await client.send('f FETCH 1 BODY.PEEK[]\r\n');
  await vi.waitFor(() => expect(account.store.fetch).toHaveBeenCalled());
  vi.advanceTimersByTime(100_000);
  letGo();
  const reply = await client.reply('f');
  expect(reply.status).toBe('OK');
  expect(reply.raw.toString()).not.toContain('Still working');
});
