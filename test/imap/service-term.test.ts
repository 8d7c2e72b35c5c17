import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

const DAY = 86_400_000;
let engine: Engine;
let account: TestAccount;
let client: Client;

beforeAll(async () => {
  engine = await Engine.start();
  account = await engine.account();
  client = await account.login();
  await account.deliver('INBOX', message('arrivato'));
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1 Archivio');
  await client.ok('SELECT Archivio');
  const now = Date.now();
  const term = { start: now - 400 * DAY, end: now - 1, noticeAt: now - 60 * DAY };
  await account.store.setServiceTerm(term, 'service-notice', 'test');
});
afterAll(() => engine.stop());

test('after the end of the service views are read-only, in a session that is open as in a new one', async () => {
  // Opened before the end.
  expect(await client.answer('STORE 1 +FLAGS (\\Flagged)')).toMatch(/^NO \[NOPERM\] Il servizio di archiviazione e' /);
  expect(await client.answer('MOVE 1 INBOX')).toMatch(/^NO \[NOPERM\]/);

  const later = await account.login();
  const selected = await later.run('SELECT Archivio');
  expect(selected.at(-1)).toMatch(/^OK \[READ-ONLY\]/);
  expect(selected.join('\n')).toContain('[PERMANENTFLAGS ()]');
  expect(await later.answer('COPY 1 --ARCHIVIA--')).toMatch(/^NO \[NOPERM\]/);
  const text = message('nuovo');
  expect(await later.answer(`APPEND Archivio {${text.length}+}\r\n${text}`)).toMatch(/^NO \[NOPERM\]/);
});

test('reading, searching and copying out go on; so does the mailbox', async () => {
  await client.ok('SELECT Archivio');
  expect(await client.data('SEARCH SUBJECT arrivato')).toEqual(['* SEARCH 1']);
  expect((await client.data('FETCH 1 BODY[]')).join('')).toContain('Buongiorno');
  expect(await client.answer('COPY 1 INBOX')).toMatch(/^OK \[COPYUID /);
  await client.ok('SELECT INBOX');
  await client.ok('STORE 1 +FLAGS (\\Flagged)');
});

test('renewal brings everything back at once', async () => {
  const term = { start: Date.now() - 400 * DAY, end: Date.now() + DAY, noticeAt: null };
  await account.store.setServiceTerm(term, 'service-renewed', 'test');
  expect((await client.run('SELECT Archivio')).at(-1)).toMatch(/^OK \[READ-WRITE\]/);
  await client.ok('STORE 1 +FLAGS (\\Flagged)');
  await client.ok('COPY 1 --ARCHIVIA--');
  expect(engine.errors).toEqual([]);
});
