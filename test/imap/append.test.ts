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
    const roomy = await Engine.start({ limits: { messageBytes: 1_000_000 } });
    try {
      const account = await roomy.account();
      const client = await account.login();
      // More than what is kept in memory.
      const part = `X-Line: ${'x'.repeat(80)}\r\n`.repeat(5_000);
      await client.send(`a APPEND INBOX {900000+}\r\n${part}`);
      const spooled = async () => (await readdir(`${account.store.directory}/spool`)).length;
      await eventually('the message to be spooled', async () => (await spooled()) === 1);
      client.close();
      const other = await account.login();
      expect(await other.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
      await eventually('the spool to be empty', async () => (await spooled()) === 0);
    } finally {
      await roomy.stop();
    }
  });

  it('refuses what stands behind the message', async () => {
    const client = await (await engine.account()).login();
    await client.send('a APPEND INBOX {9+}\r\nSubject:x (\\Foo) {3+}\r\nabc\r\nb NOOP\r\n');
    expect((await client.reply('a')).status).toBe('BAD');
    expect((await client.reply('b')).status).toBe('OK');
    await client.send('a APPEND INBOX {9+}\r\nSubject:x more\r\nb NOOP\r\n');
    expect((await client.reply('a')).status).toBe('BAD');
    expect((await client.reply('b')).status).toBe('OK');
    expect(await client.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
  });

  it('NUL may stand in a literal8 only, and is kept there', async () => {
    const client = await (await engine.account()).login();
    const raw = 'Subject: x\r\n\r\na\0b';
    await client.send(`a APPEND INBOX {${raw.length}+}\r\n${raw}\r\nb APPEND INBOX ~{${raw.length}+}\r\n${raw}\r\n`);
    expect((await client.reply('a')).status).toBe('BAD');
    expect((await client.reply('b')).status).toBe('OK');
    await client.ok('SELECT INBOX');
    expect(await client.data('FETCH 1 BODY.PEEK[TEXT]')).toEqual(['* 1 FETCH (BODY[TEXT] {3}\r\na\0b)']);
  });
});

describe('MULTIAPPEND', () => {
  it('files several messages at once, each with its flags and date', async () => {
    const client = await (await engine.account()).login();
    const [one, two, three] = ['uno', 'due', 'tre'].map(name => message(name));
    await client.ok('SELECT INBOX');
    await client.send(`a APPEND INBOX (\\Seen) {${one?.length}}\r\n`);
    expect(await client.next()).toBe('+ OK');
    await client.send(`${one} (\\Flagged) "17-Jul-2026 02:44:25 -0700" {${two?.length}}\r\n`);
    expect(await client.next()).toBe('+ OK');
    await client.send(`${two} ~{${three?.length}+}\r\n${three}\r\n`);
    const reply = await client.reply('a');
    expect(reply.line).toMatch(/^a OK \[APPENDUID \d+ 1:3\] /);
    expect(reply.untagged.map(String)).toEqual(['* 3 EXISTS\r\n', '* 0 RECENT\r\n']);
    expect(await client.data('FETCH 1:3 (FLAGS ENVELOPE)')).toEqual([
      expect.stringMatching(/^\* 1 FETCH \(FLAGS \(\\Seen\) ENVELOPE \(.* "uno" /),
      expect.stringMatching(/^\* 2 FETCH \(FLAGS \(\\Flagged\) ENVELOPE \(.* "due" /),
      expect.stringMatching(/^\* 3 FETCH \(FLAGS \(\) ENVELOPE \(.* "tre" /),
    ]);
    expect(await client.data('FETCH 2 INTERNALDATE')).toEqual([
      '* 2 FETCH (INTERNALDATE "17-Jul-2026 11:44:25 +0200")',
    ]);
  });

  it('into a tree, where a message that was there keeps its UID', async () => {
    const client = await (await engine.account()).login();
    const [one, two] = ['uno', 'due'].map(name => message(name));
    await client.append('Archivio', Buffer.from(two ?? ''));
    await client.send(`a APPEND Archivio {${one?.length}+}\r\n${one} {${two?.length}+}\r\n${two}\r\n`);
    expect((await client.reply('a')).line).toMatch(/^a OK \[APPENDUID \d+ 2,1\] /);
    await client.send(`a APPEND Conservazione {${one?.length}+}\r\n${one} {${two?.length}+}\r\n${two}\r\n`);
    expect((await client.reply('a')).line).toMatch(/^a NO \[CANNOT\] /);
  });

  it.each([
    ['an empty message', '{0+}\r\n', 'NO \\[CANNOT\\]'],
    ['one that is too large', `{100001+}\r\n${'x'.repeat(100_001)}`, 'NO \\[TOOBIG\\]'],
    ['NUL in a plain literal', '{1+}\r\n\0', 'BAD'],
    ['a bad date', '"17-Foo-2026 02:44:25 +0000" {1+}\r\nx', 'BAD'],
    ['a word', 'word', 'BAD'],
  ])('%s leaves nothing of the others', async (_name, last, answer) => {
    const account = await engine.account();
    const client = await account.login();
    const raw = message('uno');
    await client.send(
      `a APPEND INBOX {${raw.length}+}\r\n${raw} (\\Seen) {3+}\r\nabc ${last}\r\nb STATUS INBOX (MESSAGES UIDNEXT)\r\n`,
    );
    expect((await client.reply('a')).line).toMatch(new RegExp(`^a ${answer}`));
    expect((await client.reply('b')).untagged.map(String)).toEqual(['* STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)\r\n']);
    expect(await readdir(`${account.store.directory}/spool`)).toEqual([]);
    // What was taken is no hindrance to the next attempt.
    expect((await client.append('INBOX', Buffer.from(raw))).line).toMatch(/ OK \[APPENDUID \d+ 1\] /);
  });
});

describe('CATENATE', () => {
  const first = 'From: a@x.example\r\nSubject: primo\r\n\r\nciao a tutti\r\n';

  async function prepared() {
    const account = await engine.account();
    const client = await account.login();
    await client.ok('CREATE "Citt&AOA-"');
    await account.deliver('INBOX', first);
    await account.deliver('Città', message('secondo', 'testo del secondo'));
    await client.ok('SELECT INBOX');
    return { account, client };
  }

  it('puts a message together from texts and parts of others', async () => {
    const { client } = await prepared();
    const header = 'From: a@x.example\r\nSubject: primo\r\n\r\n';
    await client.send('a APPEND INBOX (\\Seen) CATENATE (URL "/INBOX/;UID=1/;SECTION=HEADER" TEXT {5+}\r\nciao  ');
    await client.send(
      'URL {32+}\r\n/Citt%C3%A0/;UID=1/;SECTION=TEXT URL ";UID=1/;SECTION=TEXT/;PARTIAL=5.3" TEXT {2}\r\n',
    );
    expect(await client.next()).toBe('+ OK');
    await client.send('!!)\r\n');
    expect((await client.reply('a')).line).toMatch(/^a OK \[APPENDUID \d+ 2\] /);
    const text = 'ciao testo del secondo\r\na t!!';
    expect(await client.data('FETCH 2 (FLAGS BODY.PEEK[])')).toEqual([
      `* 2 FETCH (FLAGS (\\Seen) BODY[] {${header.length + text.length}}\r\n${header}${text})`,
    ]);
  });

  it('takes absolute URLs, whole messages, header fields, and several messages', async () => {
    const { client } = await prepared();
    await client.send(
      'a APPEND INBOX CATENATE (URL "imap://a@localhost/INBOX/;UID=1") CATENATE ' +
        '(URL "/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(subject)" TEXT {1+}\r\nx)\r\n',
    );
    expect((await client.reply('a')).line).toMatch(/^a OK \[APPENDUID \d+ 2:3\] /);
    expect(await client.data('FETCH 2:3 BODY.PEEK[]')).toEqual([
      `* 2 FETCH (BODY[] {${first.length}}\r\n${first})`,
      '* 3 FETCH (BODY[] {19}\r\nSubject: primo\r\n\r\nx)',
    ]);
  });

  it.each([
    '/INBOX/;UID=9',
    '/INBOX/;UID=1/;SECTION=7',
    '/INBOX/;UID=1/;SECTION=QUATSCH',
    '/INBOX;UIDVALIDITY=3/;UID=1',
    '/Altrove/;UID=1',
    '/INBOX/;UID=0',
    '/INBOX',
    'http://x.example/',
    '/%FF/;UID=1',
    '',
  ])('%s is [BADURL], and nothing is kept', async url => {
    const { account, client } = await prepared();
    await client.send(`a APPEND INBOX CATENATE (TEXT {3+}\r\nabc URL "${url}" TEXT {3+}\r\nabc)\r\nb NOOP\r\n`);
    expect((await client.reply('a')).line).toContain(`a NO [BADURL "${url}"]`);
    expect((await client.reply('b')).untagged).toEqual([]);
    expect(await readdir(`${account.store.directory}/spool`)).toEqual([]);
  });

  it('is limited as a whole', async () => {
    const { account, client } = await prepared();
    await account.deliver('INBOX', message('grande', 'x'.repeat(60_000)));
    await client.send('a APPEND INBOX CATENATE (URL "/INBOX/;UID=2" URL "/INBOX/;UID=2")\r\n');
    expect((await client.reply('a')).line).toMatch(/^a NO \[TOOBIG\] /);
    await client.send(`a APPEND INBOX CATENATE (URL "/INBOX/;UID=2" TEXT {60000+}\r\n${'x'.repeat(60_000)})\r\n`);
    expect((await client.reply('a')).line).toMatch(/^a NO \[TOOBIG\] /);
    await client.send('a APPEND INBOX CATENATE (TEXT {100001}\r\n');
    expect((await client.reply('a')).line).toMatch(/^a NO \[TOOBIG\] /);
    await client.send('a APPEND INBOX CATENATE (TEXT {0+}\r\n)\r\n');
    expect((await client.reply('a')).line).toMatch(/^a NO \[CANNOT\] /);
    await client.send('a APPEND INBOX CATENATE (FILE "/etc/passwd")\r\n');
    expect((await client.reply('a')).line).toMatch(/^a BAD /);
  });
});
