import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

describe('IDLE', () => {
  it('pushes what happens', async () => {
    const account = await engine.account();
    const client = await account.login();
    const other = await account.login();
    await account.deliver('INBOX', message('uno'));
    await account.deliver('INBOX', message('due'));
    await client.ok('SELECT INBOX');
    await other.ok('SELECT INBOX');
    await client.send('i IDLE\r\n');
    expect(await client.next()).toBe('+ idling');
    await account.deliver('INBOX', message('tre'));
    expect([await client.next(), await client.next()]).toEqual(['* 3 EXISTS', '* 0 RECENT']);
    await other.ok('STORE 1 +FLAGS (\\Flagged)');
    expect(await client.next()).toBe('* 1 FETCH (FLAGS (\\Flagged))');
    await other.ok('STORE 1:2 +FLAGS.SILENT (\\Deleted)');
    await other.ok('EXPUNGE');
    const seen: string[] = [];
    while (seen.filter(line => line.endsWith('EXPUNGE')).length < 2) seen.push(await client.next());
    expect(seen.slice(-2)).toEqual(['* 2 EXPUNGE', '* 1 EXPUNGE']);
    await client.send('done\r\n');
    expect((await client.reply('i')).line).toBe('i OK Idle completed.');
    expect(await client.data('FETCH 1 UID')).toEqual(['* 1 FETCH (UID 3)']);
  });

  it('works with nothing selected, with DONE and more in the same packet', async () => {
    const client = await (await engine.account()).login();
    await client.send('i IDLE\r\nDONE\r\nj NOOP\r\nk STATUS INBOX (MESSAGES)\r\n');
    expect(await client.next()).toBe('+ idling');
    expect(await client.next()).toBe('i OK Idle completed.');
    expect(await client.next()).toBe('j OK NOOP completed.');
    expect((await client.reply('k')).untagged).toHaveLength(1);
  });

  it('anything but DONE ends it with BAD, and the line is spent', async () => {
    const client = await (await engine.account()).login();
    await client.send('i IDLE\r\nj LOGOUT\r\nk NOOP\r\n');
    expect(await client.next()).toBe('+ idling');
    expect(await client.next()).toBe('i BAD Expected DONE');
    expect(await client.next()).toBe('k OK NOOP completed.');
    expect(await client.answer('IDLE now')).toMatch(/^BAD /);
  });

  it('ends when the client goes away', async () => {
    const account = await engine.account();
    const client = await account.login();
    await client.ok('SELECT INBOX');
    await client.send('i IDLE\r\n');
    expect(await client.next()).toBe('+ idling');
    client.close();
    await account.deliver('INBOX', message('uno'));
    const other = await account.login();
    expect(await other.run('SELECT INBOX')).toContain('* 1 EXISTS');
  });
});

describe('ENABLE', () => {
  it('switches on what it knows, each once', async () => {
    const client = await (await engine.account()).login();
    expect(await client.data('ENABLE NOPE')).toEqual(['* ENABLED']);
    expect(await client.data('ENABLE condstore CONDSTORE X')).toEqual(['* ENABLED CONDSTORE']);
    expect(await client.data('ENABLE CONDSTORE')).toEqual(['* ENABLED']);
    expect(await client.answer('ENABLE')).toMatch(/^BAD /);
  });

  it('UTF8=ACCEPT: names in UTF-8, APPEND with UTF8, no CHARSET', async () => {
    const client = await (await engine.account()).login();
    const utf8 = (text: string) => Buffer.from(text).toString('latin1');
    expect(await client.answer(`CREATE "${utf8('Città')}"`)).toMatch(/^NO \[CANNOT\]/);
    await client.ok('CREATE "Citt&AOA-"');
    await client.ok('ENABLE UTF8=ACCEPT');
    expect((await client.data('LIST "" Ci*'))[0]).toContain(utf8('"Città"'));
    const raw = message('uno');
    await client.send(utf8(`a APPEND "Città" UTF8 (~{${raw.length}+}\r\n${raw})\r\n`));
    expect((await client.reply('a')).status).toBe('OK');
    expect(await client.run(utf8('SELECT "Città"'))).toContain('* 1 EXISTS');
    expect(await client.answer('SEARCH CHARSET UTF-8 ALL')).toMatch(/^BAD /);
  });
});

describe('CONDSTORE', () => {
  it('tells MODSEQ once it is on', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'));
    await account.deliver('INBOX', message('due'));
    await client.ok('SELECT INBOX (CONDSTORE)');
    const modseq = (line = '') => Number(/MODSEQ \(?(\d+)/.exec(line)?.[1]);
    const [first] = await client.data('FETCH 1 (UID MODSEQ)');
    expect(first).toMatch(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)$/);
    const since = modseq((await client.data('STATUS INBOX (HIGHESTMODSEQ)'))[0]?.replace('HIGHESTMODSEQ', 'MODSEQ'));
    expect(await client.data('FETCH 1:2 (FLAGS) (CHANGEDSINCE 0)')).toHaveLength(2);
    const [stored] = await client.data('STORE 2 +FLAGS.SILENT (\\Seen)');
    expect(stored).toMatch(/^\* 2 FETCH \(MODSEQ \(\d+\)\)$/);
    expect(await client.data(`FETCH 1:2 (FLAGS) (CHANGEDSINCE ${since})`)).toEqual([
      `* 2 FETCH (FLAGS (\\Seen) MODSEQ (${modseq(stored)}))`,
    ]);
    expect(await client.data(`SEARCH MODSEQ ${modseq(stored)}`)).toEqual([`* SEARCH 2 (MODSEQ ${modseq(stored)})`]);
    const lines = await client.run(`UID STORE 1:2 (UNCHANGEDSINCE ${since}) +FLAGS (\\Flagged)`);
    expect(lines[0]).toMatch(/^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)$/);
    expect(lines.at(-1)).toMatch(/^OK \[MODIFIED 2\] /);
  });
});

describe('QRESYNC', () => {
  it('brings a client that was away up to date', async () => {
    const account = await engine.account();
    const client = await account.login();
    for (const name of ['uno', 'due', 'tre', 'quattro']) await account.deliver('INBOX', message(name));
    await client.ok('ENABLE QRESYNC');
    const opened = await client.data('SELECT INBOX');
    const [validity, modseq] = [/UIDVALIDITY (\d+)/, /HIGHESTMODSEQ (\d+)/].map(code => code.exec(opened.join())?.[1]);
    await client.ok('UNSELECT');
    const other = await account.login();
    await other.ok('SELECT INBOX');
    await other.ok('STORE 2,4 +FLAGS.SILENT (\\Deleted)');
    await other.ok('EXPUNGE');
    await other.ok('STORE 1 +FLAGS.SILENT (\\Flagged)');
    await account.deliver('INBOX', message('cinque'));
    const news = (await client.data(`SELECT INBOX (QRESYNC (${validity} ${modseq} 1:10 (1:4 1:4)))`)).slice(-3);
    expect(news).toEqual([
      '* VANISHED (EARLIER) 2,4',
      expect.stringMatching(/^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)$/),
      expect.stringMatching(/^\* 3 FETCH \(UID 5 FLAGS \(\) MODSEQ \(\d+\)\)$/),
    ]);
    expect(await client.data(`UID FETCH 1:2 (UID FLAGS) (CHANGEDSINCE ${modseq} VANISHED)`)).toEqual([
      '* VANISHED (EARLIER) 2',
      expect.stringMatching(/^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)$/),
    ]);
    await client.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
    expect(await client.run('EXPUNGE')).toEqual(['* VANISHED 1', expect.stringMatching(/^OK \[HIGHESTMODSEQ \d+\] /)]);
    const wrong = await client.data(`SELECT INBOX (QRESYNC (${Number(validity) + 1} ${modseq}))`);
    expect(wrong.some(line => line.includes('VANISHED'))).toBe(false);
  });

  it('must be enabled first', async () => {
    const client = await (await engine.account()).login();
    await client.ok('SELECT INBOX');
    expect(await client.answer('SELECT INBOX (QRESYNC (1 1))')).toMatch(/^BAD /);
    expect(await client.run('NOOP')).toEqual(['OK NOOP completed.']);
  });
});
