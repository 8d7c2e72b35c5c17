import { readdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start({ limits: { messageBytes: 100_000 } });
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

describe('APPEND', () => {
  it('files a message with flags and date, and tells its UID', async () => {
    const client = await (await engine.account()).login();
    const raw = message('uno');
    await client.ok('SELECT INBOX');
    await client.send(`a APPEND inbox (\\Seen $Uno) "17-Jul-2026 02:44:25 -0700" {${raw.length}}\r\n`);
    expect(await client.next()).toBe('+ OK');
    await client.send(`${raw}\r\n`);
    const reply = await client.reply('a');
    expect(reply.line).toMatch(/^a OK \[APPENDUID \d+ 1\] /);
    expect(reply.untagged.map(String)).toEqual(['* 1 EXISTS\r\n', '* 0 RECENT\r\n']);
    expect(await client.data('FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])')).toEqual([
      `* 1 FETCH (FLAGS (\\Seen $Uno) INTERNALDATE "17-Jul-2026 11:44:25 +0200" BODY[] {${raw.length}}\r\n${raw})`,
    ]);
  });

  it('with LITERAL+, the mailbox a literal too, and the next command in the same packet', async () => {
    const client = await (await engine.account()).login();
    const raw = message('due');
    await client.send(`a APPEND {5+}\r\nINBOX {${raw.length}+}\r\n${raw}\r\nb STATUS INBOX (MESSAGES)\r\n`);
    expect((await client.reply('a')).status).toBe('OK');
    expect((await client.reply('b')).untagged.map(String)).toEqual(['* STATUS "INBOX" (MESSAGES 1)\r\n']);
  });

  it('refuses before the message is invited', async () => {
    const client = await (await engine.account()).login();
    expect((await client.append('Altrove', Buffer.from('x'))).line).toMatch(/ NO \[TRYCREATE\]/);
    expect((await client.append('INBOX', Buffer.alloc(100_001))).line).toMatch(/ NO \[TOOBIG\]/);
    expect((await client.append('INBOX', Buffer.alloc(0))).line).toMatch(/ NO \[CANNOT\]/);
    expect((await client.append('Archivio/Miei', Buffer.from('x'))).line).toMatch(/ NO \[NONEXISTENT\]/);
    expect((await client.append('INBOX', Buffer.from('x'), '"17-Foo-2026 02:44:25 +0000"')).line).toMatch(/ BAD /);
    expect((await client.append('INBOX', Buffer.from('x'), '(\\Foo)')).line).toMatch(/ BAD /);
    expect(await client.answer('APPEND INBOX "x"')).toMatch(/^BAD /);
    expect(await client.answer('APPEND INBOX')).toMatch(/^BAD /);
    expect(await client.answer('APPEND')).toMatch(/^BAD /);
    expect(await client.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
  });

  it('reads and drops a refused message that is on its way already', async () => {
    const client = await (await engine.account()).login();
    await client.send(
      `a APPEND Altrove {9+}\r\nb LOGOUT\n\r\nc APPEND INBOX {100001+}\r\n${'x'.repeat(100_001)}\r\nd NOOP\r\n`,
    );
    expect((await client.reply('a')).line).toMatch(/NO \[TRYCREATE\]/);
    expect((await client.reply('c')).line).toMatch(/NO \[TOOBIG\]/);
    expect((await client.reply('d')).line).toMatch(/^d OK/);
  });

  it('into a tree, filed where the message belongs; twice is once', async () => {
    const account = await engine.account();
    const client = await account.login();
    const raw = Buffer.from(message('archiviato'));
    const first = await client.append('Archivio', raw, '"15-Jun-2026 10:00:00 +0000"');
    expect(first.line).toMatch(/OK \[APPENDUID \d+ 1\]/);
    expect((await client.append('Archivio', raw)).line).toMatch(/OK \[APPENDUID \d+ 1\]/);
    expect(await client.data('STATUS Archivio/2026/06/Ordinaria (MESSAGES)')).toEqual([
      '* STATUS "Archivio/2026/06/Ordinaria" (MESSAGES 1)',
    ]);
    expect((await client.append('Conservazione', raw)).line).toMatch(/ NO \[CANNOT\]/);
  });

  it('leaves nothing behind when the client goes away in the middle', async () => {
    const account = await engine.account();
    const client = await account.login();
    await client.send('a APPEND INBOX {1000+}\r\nFrom: x\r\n');
    const spooled = async () => (await readdir(`${account.store.directory}/spool`)).length;
    await eventually('the message to be spooled', async () => (await spooled()) === 1);
    client.close();
    const other = await account.login();
    expect(await other.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
    await eventually('the spool to be empty', async () => (await spooled()) === 0);
  });

  it('refuses what stands behind the message', async () => {
    const client = await (await engine.account()).login();
    await client.send('a APPEND INBOX {9+}\r\nSubject:x (\\Seen) {3+}\r\nabc\r\nb NOOP\r\n');
    expect((await client.reply('a')).status).toBe('BAD');
    expect((await client.reply('b')).status).toBe('OK');
    expect(await client.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
  });
});
