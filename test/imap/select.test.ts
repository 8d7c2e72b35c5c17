import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

describe('SELECT and EXAMINE', () => {
  it('tells what RFC 3501 asks for', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'), ['\\Seen']);
    await account.deliver('INBOX', message('due'), ['$Etichetta']);
    const lines = await client.run('SELECT INBOX');
    expect(lines[0]).toBe('* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Etichetta)');
    expect(lines[1]).toMatch(/^\* OK \[PERMANENTFLAGS \(.*\$Etichetta \\\*\)\]/);
    expect(lines.slice(2, 5)).toEqual(['* 2 EXISTS', '* 0 RECENT', '* OK [UNSEEN 2] First unseen.']);
    expect(lines[5]).toMatch(/^\* OK \[UIDVALIDITY [1-9]\d*\]/);
    expect(lines[6]).toMatch(/^\* OK \[UIDNEXT 3\]/);
    expect(lines[7]).toMatch(/^\* OK \[HIGHESTMODSEQ [1-9]\d*\]/);
    expect(lines[8]).toMatch(/^\* OK \[MAILBOXID \(F\d+\)\]/);
    expect(lines[9]).toBe('OK [READ-WRITE] Select completed.');
  });

  it('opens every level of the trees, the empty roots too', async () => {
    const client = await (await engine.account()).login();
    for (const name of ['Archivio', 'Conservazione', '--ARCHIVIA--', '"Conservazione/Rapporti di versamento"']) {
      expect(await client.run(`EXAMINE ${name}`)).toContain('* 0 EXISTS');
    }
  });

  it('EXAMINE changes nothing', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'));
    const lines = await client.run('EXAMINE INBOX');
    expect(lines).toContain('* OK [PERMANENTFLAGS ()] Read-only mailbox.');
    expect(lines.at(-1)).toBe('OK [READ-ONLY] Examine completed.');
    await client.ok('FETCH 1 BODY[]');
    expect(await client.answer('STORE 1 +FLAGS (\\Seen)')).toMatch(/^NO \[READ-ONLY\]/);
    expect(await client.answer('EXPUNGE')).toMatch(/^NO \[READ-ONLY\]/);
    expect(await client.answer('MOVE 1 --ARCHIVIA--')).toMatch(/^NO \[READ-ONLY\]/);
    expect(await client.data('FETCH 1 FLAGS')).toEqual(['* 1 FETCH (FLAGS ())']);
  });

  it('a SELECT that fails leaves nothing selected', async () => {
    const client = await (await engine.account()).login();
    await client.ok('SELECT INBOX');
    const lines = await client.run('SELECT "non c\'è"');
    expect(lines).toEqual(['* OK [CLOSED] Previous mailbox closed.', expect.stringMatching(/^NO \[CANNOT\]/)]);
    await client.ok('SELECT INBOX');
    expect(await client.answer('SELECT Altrove')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await client.answer('FETCH 1 FLAGS')).toBe('BAD No mailbox selected');
  });

  it('says that a year without messages does not exist', async () => {
    const client = await (await engine.account()).login();
    for (const name of [
      'Archivio/2026',
      'Archivio/2026/06',
      'Archivio/2026/06/Ricevuti',
      'Archivio/altro',
      'Archivio/2026/13',
    ]) {
      expect(await client.answer(`SELECT ${name}`)).toMatch(/^NO \[NONEXISTENT\]/);
      expect(await client.answer(`STATUS ${name} (MESSAGES)`)).toMatch(/^NO \[NONEXISTENT\]/);
    }
  });

  it('CLOSE expunges, UNSELECT does not, both leave', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'), ['\\Deleted']);
    await client.ok('SELECT INBOX');
    expect(await client.run('UNSELECT')).toEqual(['OK Unselect completed.']);
    expect(await client.answer('CHECK')).toBe('BAD No mailbox selected');
    expect(await client.run('SELECT INBOX')).toContain('* 1 EXISTS');
    expect(await client.run('CLOSE')).toEqual(['OK Close completed.']);
    expect(await client.run('SELECT INBOX')).toContain('* 0 EXISTS');
  });

  it('CLOSE of an examined mailbox and of Conservazione succeeds and removes nothing', async () => {
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'), ['\\Deleted']);
    await client.ok('EXAMINE INBOX');
    await client.ok('CLOSE');
    expect(await client.run('SELECT INBOX')).toContain('* 1 EXISTS');
    await client.ok('SELECT Conservazione');
    await client.ok('CLOSE');
  });
});
