import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

const TWO_PARTS = [
  'From: a@pec.example.it',
  'Subject: due parti',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: text/plain',
  '',
  'testo',
  '--x',
  'Content-Type: message/rfc822',
  '',
  'From: b@pec.example.it',
  'Subject: dentro',
  '',
  'corpo dentro',
  '--x--',
  '',
].join('\r\n');

/** A mailbox with these messages, selected. */
async function selected(...messages: string[]) {
  const account = await engine.account();
  const client = await account.login();
  for (const raw of messages) await account.deliver('INBOX', raw, [], Date.UTC(2026, 5, 30, 22, 30, 5));
  await client.ok('SELECT INBOX');
  return { account, client };
}

describe('FETCH', () => {
  it('tells the columns in the order asked, UID first', async () => {
    const raw = message('uno');
    const { client } = await selected(raw);
    expect(await client.data('FETCH 1 (FLAGS RFC822.SIZE UID INTERNALDATE)')).toEqual([
      `* 1 FETCH (UID 1 FLAGS () RFC822.SIZE ${raw.length} INTERNALDATE " 1-Jul-2026 00:30:05 +0200")`,
    ]);
    const [full] = await client.data('FETCH 1 FULL');
    expect(full).toMatch(/^\* 1 FETCH \(FLAGS \(\) INTERNALDATE ".*" RFC822\.SIZE \d+ ENVELOPE \(.*\) BODY \(.*\)\)$/);
    const [structure] = await client.data('UID FETCH 1 BODYSTRUCTURE');
    expect(structure).toMatch(/^\* 1 FETCH \(UID 1 BODYSTRUCTURE \("text" "plain" /i);
    expect(await client.data('fetch 1 fast')).toHaveLength(1);
  });

  it('sections are the octets that went in', async () => {
    const { client } = await selected(TWO_PARTS);
    const literal = (label: string, text: string) => [`* 1 FETCH (${label} {${text.length}}\r\n${text})`];
    expect(await client.data('FETCH 1 BODY.PEEK[]')).toEqual(literal('BODY[]', TWO_PARTS));
    expect(await client.data('FETCH 1 RFC822.HEADER')).toEqual(
      literal('RFC822.HEADER', TWO_PARTS.slice(0, TWO_PARTS.indexOf('\r\n\r\n') + 4)),
    );
    expect(await client.data('FETCH 1 BODY.PEEK[1]')).toEqual(literal('BODY[1]', 'testo'));
    expect(await client.data('FETCH 1 BODY.PEEK[1.MIME]')).toEqual(
      literal('BODY[1.MIME]', 'Content-Type: text/plain\r\n\r\n'),
    );
    expect(await client.data('FETCH 1 BODY.PEEK[2.HEADER.FIELDS (Subject)]')).toEqual(
      literal('BODY[2.HEADER.FIELDS (Subject)]', 'Subject: dentro\r\n\r\n'),
    );
    expect(await client.data('FETCH 1 BODY.PEEK[2.TEXT]')).toEqual(literal('BODY[2.TEXT]', 'corpo dentro'));
    expect(await client.data('FETCH 1 BODY.PEEK[]<5.10>')).toEqual(literal('BODY[]<5>', TWO_PARTS.slice(5, 15)));
    expect(await client.data('FETCH 1 BODY.PEEK[]<999999.10>')).toEqual(literal('BODY[]<999999>', ''));
    expect(await client.data('FETCH 1 BODY.PEEK[7]')).toEqual(['* 1 FETCH (BODY[7] NIL)']);
    expect(await client.data('FETCH 1 (BODY.PEEK[HEADER.FIELDS.NOT (From "MIME-Version" Content-Type)])')).toEqual(
      literal('BODY[HEADER.FIELDS.NOT (From MIME-Version Content-Type)]', 'Subject: due parti\r\n\r\n'),
    );
  });

  it('marks as read what is fetched without PEEK, and says so once', async () => {
    const { client } = await selected(message('uno'), message('due'));
    const [first, ...others] = await client.data('FETCH 1 BODY[TEXT]');
    expect(first).toMatch(/ FLAGS \(\\Seen\)\)$/);
    expect(others).toEqual([]);
    expect(await client.data('NOOP')).toEqual([]);
    expect((await client.data('FETCH 1 BODY[TEXT]'))[0]).not.toContain('FLAGS');
    expect((await client.data('FETCH 2 RFC822.HEADER'))[0]).not.toContain('FLAGS');
    expect((await client.data('FETCH 2 (RFC822 FLAGS)'))[0]).toMatch(/FLAGS \(\\Seen\)\)$/);
  });

  it('streams a message that is larger than any buffer', async () => {
    const body = Array.from({ length: 60_000 }, (_, line) => `riga ${line} ${'x'.repeat(40)}`).join('\r\n');
    const raw = message('grande', body);
    const { client } = await selected(raw, message('piccolo'));
    const [large, small] = await client.data('UID FETCH 1:2 (BODY.PEEK[] RFC822.SIZE)');
    expect(large === `* 1 FETCH (UID 1 BODY[] {${raw.length}}\r\n${raw} RFC822.SIZE ${raw.length})`).toBe(true);
    expect(small).toMatch(/^\* 2 FETCH \(UID 2 BODY\[\] \{/);
  });

  it('many messages come in order', async () => {
    const { client } = await selected(...Array.from({ length: 120 }, (_, index) => message(`n ${index}`)));
    const lines = await client.data('UID FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
    expect(lines.map(line => /^\* (\d+) FETCH \(UID (\d+) .*Subject: n (\d+)\r\n/s.exec(line)?.slice(1))).toEqual(
      Array.from({ length: 120 }, (_, index) => [`${index + 1}`, `${index + 1}`, `${index}`]),
    );
  });

  it('sets: reversed, star, lists, out of range', async () => {
    const { client } = await selected(message('uno'), message('due'), message('tre'));
    const numbers = async (command: string) => (await client.data(command)).map(line => Number(line.split(' ')[1]));
    expect(await numbers('FETCH 3:2,1 FLAGS')).toEqual([1, 2, 3]);
    expect(await numbers('FETCH * FLAGS')).toEqual([3]);
    expect(await numbers('FETCH *:2 FLAGS')).toEqual([2, 3]);
    expect(await numbers('UID FETCH 2:4000 FLAGS')).toEqual([2, 3]);
    expect(await numbers('UID FETCH 900:* FLAGS')).toEqual([3]);
    expect(await client.run('UID FETCH 900 FLAGS')).toEqual(['OK Fetch completed.']);
    for (const set of ['4', '0', '1:4', '1,', ':', '1:', 'x', '-1', '99999999999']) {
      expect(await client.answer(`FETCH ${set} FLAGS`)).toMatch(/^BAD /);
    }
  });

  it('on an empty mailbox', async () => {
    const { client } = await selected();
    expect(await client.answer('FETCH 1:* FLAGS')).toMatch(/^BAD /);
    expect(await client.run('UID FETCH 1:* FLAGS')).toEqual(['OK Fetch completed.']);
  });

  it('refuses what the grammar forbids', async () => {
    const { client } = await selected(message('uno'));
    const wrong = [
      'FETCH 1',
      'FETCH 1 ()',
      'FETCH 1 (FLAGS',
      'FETCH 1 (ALL)',
      'FETCH 1 NOPE',
      'FETCH 1 BODY[',
      'FETCH 1 BODY[0]',
      'FETCH 1 BODY[MIME]',
      'FETCH 1 BODY[]<1>',
      'FETCH 1 BODY[]<1.0>',
      'FETCH 1 BODY[HEADER.FIELDS ()]',
      'FETCH 1 BODY[1.FOO]',
      'FETCH 1 __proto__',
      'FETCH 1 constructor',
      'FETCH 1 (FLAGS) (NOPE)',
      'FETCH 1 (FLAGS) (VANISHED)',
    ];
    for (const text of wrong) expect(await client.answer(text), text).toMatch(/^BAD /);
    const many = Array.from({ length: 70 }, (_, index) => `BODY.PEEK[${index + 1}]`).join(' ');
    expect(await client.answer(`FETCH 1 (${many})`)).toMatch(/^NO \[LIMIT\]/);
  });

  it('answers NO EXPUNGEISSUED for what another session has removed, and keeps the numbers', async () => {
    const { account, client } = await selected(message('uno'), message('due'), message('tre'));
    const other = await account.login();
    await other.ok('SELECT INBOX');
    await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
    await other.ok('EXPUNGE');
    const lines = await client.run('FETCH 1:3 (UID)');
    expect(lines.slice(0, -1)).toEqual(['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)']);
    expect(lines.at(-1)).toMatch(/^NO \[EXPUNGEISSUED\]/);
    expect(await client.data('NOOP')).toEqual(['* 1 EXPUNGE']);
    expect(await client.data('FETCH 1:2 (UID)')).toEqual(['* 1 FETCH (UID 2)', '* 2 FETCH (UID 3)']);
  });
});
