import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

async function selected(count: number) {
  const account = await engine.account();
  const client = await account.login();
  for (let index = 1; index <= count; index++) await account.deliver('INBOX', message(`numero ${index}`));
  await client.ok('SELECT INBOX');
  return { account, client };
}

describe('STORE', () => {
  it('adds, removes and sets, in any case, with or without parentheses', async () => {
    const { client } = await selected(2);
    expect(await client.data('STORE 1 +FLAGS (\\Seen $Uno)')).toEqual([
      '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Uno)',
      expect.stringMatching(/^\* OK \[PERMANENTFLAGS \(.*\$Uno \\\*\)\]/),
      '* 1 FETCH (FLAGS (\\Seen $Uno))',
    ]);
    expect(await client.data('STORE 1 -flags \\SEEN')).toEqual(['* 1 FETCH (FLAGS ($Uno))']);
    expect(await client.data('UID STORE 2 Flags (\\Flagged)')).toEqual(['* 2 FETCH (UID 2 FLAGS (\\Flagged))']);
    expect(await client.data('STORE 2 FLAGS ()')).toEqual(['* 2 FETCH (FLAGS ())']);
    expect(await client.data('NOOP')).toEqual([]);
  });

  it('is silent when asked', async () => {
    const { client } = await selected(2);
    expect(await client.data('STORE 1:2 +FLAGS.SILENT (\\Seen)')).toEqual([]);
    expect(await client.data('NOOP')).toEqual([]);
    expect(await client.data('FETCH 1:2 FLAGS')).toEqual(['* 1 FETCH (FLAGS (\\Seen))', '* 2 FETCH (FLAGS (\\Seen))']);
  });

  it('refuses what is no flag, and does not set \\Recent', async () => {
    const { client } = await selected(1);
    for (const flags of ['(\\Foo)', '(a b', '', '("x")', '\\*']) {
      expect(await client.answer(`STORE 1 +FLAGS ${flags}`)).toMatch(/^BAD /);
    }
    expect(await client.data('STORE 1 +FLAGS (\\Recent)')).toEqual(['* 1 FETCH (FLAGS ())']);
    expect(await client.answer(`STORE 1 +FLAGS (${'k'.repeat(101)})`)).toMatch(/^NO \[LIMIT\]/);
    expect(await client.answer('STORE 9 +FLAGS (\\Seen)')).toMatch(/^BAD /);
    expect(await client.answer('UID STORE 9 +FLAGS (\\Seen)')).toMatch(/^OK /);
  });

  it('tells the other sessions, and only once', async () => {
    const { account, client } = await selected(2);
    const other = await account.login();
    await other.ok('SELECT INBOX');
    await client.ok('STORE 2 +FLAGS (\\Flagged)');
    expect(await other.data('NOOP')).toEqual(['* 2 FETCH (FLAGS (\\Flagged))']);
    expect(await other.data('NOOP')).toEqual([]);
    expect(await client.data('NOOP')).toEqual([]);
  });
});

describe('EXPUNGE', () => {
  it('removes from the highest number to the lowest, without EXISTS', async () => {
    const { client } = await selected(5);
    await client.ok('STORE 1,3,5 +FLAGS.SILENT (\\Deleted)');
    expect(await client.data('EXPUNGE')).toEqual(['* 5 EXPUNGE', '* 3 EXPUNGE', '* 1 EXPUNGE']);
    expect(await client.data('NOOP')).toEqual([]);
    expect(await client.data('FETCH 1:2 UID')).toEqual(['* 1 FETCH (UID 2)', '* 2 FETCH (UID 4)']);
  });

  it('UID EXPUNGE removes only what it names', async () => {
    const { client } = await selected(3);
    await client.ok('STORE 1:3 +FLAGS.SILENT (\\Deleted)');
    expect(await client.data('UID EXPUNGE 2,99')).toEqual(['* 2 EXPUNGE']);
    expect(await client.data('UID EXPUNGE 99')).toEqual([]);
    expect(await client.data('UID SEARCH ALL')).toEqual(['* SEARCH 1 3']);
  });

  it('is held back from other sessions while numbers must stay', async () => {
    const { account, client } = await selected(3);
    const other = await account.login();
    await other.ok('SELECT INBOX');
    await client.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
    await account.deliver('INBOX', message('nuovo'));
    expect(await other.data('STORE 1 +FLAGS (\\Seen)')).toEqual([
      '* 1 FETCH (FLAGS (\\Seen))',
      '* 4 EXISTS',
      '* 0 RECENT',
    ]);
    expect(await other.data('SEARCH ALL')).toEqual(['* SEARCH 1 3 4']);
    expect(await other.data('NOOP')).toEqual(['* 2 EXPUNGE']);
    expect(await client.data('NOOP')).toEqual(['* 3 EXISTS', '* 0 RECENT', '* 1 FETCH (FLAGS (\\Seen))']);
  });

  it('in Conservazione is refused', async () => {
    const client = await (await engine.account()).login();
    await client.ok('SELECT Conservazione');
    expect(await client.answer('EXPUNGE')).toMatch(/^(NO \[CANNOT\]|OK)/);
  });
});
