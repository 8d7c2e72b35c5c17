import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';
import { literals } from './support/literals.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

const utf8 = (text: string) => Buffer.from(text).toString('latin1');

async function enabled(): Promise<{ account: TestAccount; client: Client }> {
  const account = await engine.account();
  const client = await account.login();
  expect(await client.data('ENABLE IMAP4rev2')).toEqual(['* ENABLED IMAP4rev2']);
  return { account, client };
}

describe('IMAP4rev2', () => {
  it('is offered after login and stays off until it is switched on', async () => {
    const account = await engine.account();
    const client = await account.login();
    expect((await client.data('CAPABILITY'))[0]).toMatch(/^\* CAPABILITY IMAP4rev1 IMAP4rev2 /);
    await account.deliver('INBOX', message('uno'));
    const lines = await client.data('SELECT INBOX');
    expect(lines).toContain('* 0 RECENT');
    expect(lines.some(line => line.startsWith('* LIST'))).toBe(false);
    expect(await client.data('SEARCH ALL')).toEqual(['* SEARCH 1']);
  });

  it('SELECT: the mailbox in a LIST, no RECENT, no UNSEEN', async () => {
    const { account, client } = await enabled();
    await account.deliver('INBOX', message('uno'));
    const lines = await client.data('SELECT inbox');
    expect(lines.filter(line => line.startsWith('* LIST'))).toEqual([
      expect.stringMatching(/^\* LIST \(\\HasNoChildren.*\) "\/" "INBOX" \("OLDNAME" \("inbox"\)\)$/),
    ]);
    expect(lines).toContain('* 1 EXISTS');
    expect(lines.join('\n')).not.toMatch(/RECENT|\[UNSEEN/);
    await account.deliver('INBOX', message('due'));
    expect(await client.data('NOOP')).toEqual(['* 2 EXISTS']);
    await client.ok('COPY 1 Archivio');
    const view = await client.data('EXAMINE Archivio');
    expect(view[0]).toBe('* OK [CLOSED] Previous mailbox closed.');
    expect(view.filter(line => line.startsWith('* LIST'))).toEqual([
      expect.stringMatching(/^\* LIST \(\\HasChildren.*\) "\/" "Archivio"$/),
    ]);
    expect(await client.run('SELECT Altrove')).toEqual([
      '* OK [CLOSED] Previous mailbox closed.',
      expect.stringMatching(/^NO \[NONEXISTENT\] /),
    ]);
  });

  it('SEARCH answers with ESEARCH', async () => {
    const { account, client } = await enabled();
    for (const name of ['uno', 'due', 'tre']) await account.deliver('INBOX', message(name));
    await client.ok('SELECT INBOX');
    const answer = async (text: string) => (await client.data(text)).map(line => line.replace(/"[^"]*"/, '"x"'));
    expect(await answer('SEARCH ALL')).toEqual(['* ESEARCH (TAG "x") ALL 1:3']);
    expect(await answer('UID SEARCH SUBJECT e')).toEqual(['* ESEARCH (TAG "x") UID ALL 2:3']);
    expect(await answer('SEARCH SUBJECT nulla')).toEqual(['* ESEARCH (TAG "x")']);
    expect(await answer('SEARCH RETURN (COUNT) ALL')).toEqual(['* ESEARCH (TAG "x") COUNT 3']);
    expect(await answer('SORT (SUBJECT) UTF-8 ALL')).toEqual(['* SORT 2 3 1']);
  });

  it('names are UTF-8, and what a name was is told', async () => {
    const { client } = await enabled();
    await client.ok(`CREATE "${utf8('Città')}"`);
    expect(await client.data('LIST "" "Ci*"')).toEqual([utf8('* LIST (\\HasNoChildren) "/" "Città"')]);
    expect(await client.data(`CREATE "${utf8('Perche\u0301')}"`)).toEqual([
      utf8('* LIST (\\HasNoChildren) "/" "Perché" ("OLDNAME" ("Perche\u0301"))'),
    ]);
    expect(await client.data(`RENAME "${utf8('Città')}" Paese`)).toEqual([
      utf8('* LIST (\\HasNoChildren) "/" "Paese" ("OLDNAME" ("Città"))'),
    ]);
    expect(await client.data(utf8('STATUS "Perché" (MESSAGES DELETED SIZE)'))).toEqual([
      utf8('* STATUS "Perché" (MESSAGES 0 DELETED 0 SIZE 0)'),
    ]);
    expect(await client.data('SEARCH CHARSET UTF-8 ALL').catch(error => String(error))).toMatch(/BAD/);
  });

  it('has what is an extension elsewhere', async () => {
    const { account, client } = await enabled();
    await account.deliver('INBOX', message('uno'));
    await client.ok('SELECT INBOX');
    expect(literals(await client.data('FETCH 1 BINARY.PEEK[1]')).map(String)).toEqual(['Buongiorno\r\n']);
    expect((await client.data('LIST (SUBSCRIBED) "" "*" RETURN (STATUS (DELETED))')).length).toBeGreaterThan(0);
    expect(await client.answer('UID MOVE 1 INBOX')).toMatch(/^OK /);
    await client.ok('SEARCH RETURN (SAVE) ALL');
    expect(await client.answer('FETCH $ FLAGS')).toMatch(/^OK /);
    expect(await client.answer('DELETE Altrove')).toMatch(/^NO \[NONEXISTENT\] /);
    expect(await client.answer('CREATE INBOX')).toMatch(/^NO \[ALREADYEXISTS\] /);
    expect(await client.answer('UNSELECT')).toMatch(/^OK /);
  });
});
