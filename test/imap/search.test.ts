import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

async function selected() {
  const account = await engine.account();
  const client = await account.login();
  const day = (month: number, date: number) => Date.UTC(2026, month - 1, date, 12);
  await account.deliver('INBOX', message('Fattura numero uno', 'Allegato: conto'), ['\\Seen'], day(1, 10));
  await account.deliver('INBOX', message('Sollecito', 'Perché no'), ['\\Flagged', '$Etichetta'], day(2, 10));
  await account.deliver('INBOX', message('Fattura due', 'x'.repeat(5_000)), ['\\Deleted'], day(3, 10));
  await client.ok('SELECT INBOX');
  const found = async (keys: string) => {
    const [line = ''] = await client.data(`SEARCH ${keys}`);
    return line.split(' ').slice(2).map(Number);
  };
  return { account, client, found };
}

describe('SEARCH', () => {
  it('knows every key of RFC 3501', async () => {
    const { found } = await selected();
    const cases: Record<string, number[]> = {
      ALL: [1, 2, 3],
      SEEN: [1],
      UNSEEN: [2, 3],
      FLAGGED: [2],
      UNFLAGGED: [1, 3],
      DELETED: [3],
      UNDELETED: [1, 2],
      ANSWERED: [],
      UNANSWERED: [1, 2, 3],
      DRAFT: [],
      UNDRAFT: [1, 2, 3],
      NEW: [],
      OLD: [1, 2, 3],
      RECENT: [],
      'KEYWORD $etichetta': [2],
      'UNKEYWORD $Etichetta': [1, 3],
      'SUBJECT fattura': [1, 3],
      'SUBJECT ""': [1, 2, 3],
      'FROM VERDI': [1, 2, 3],
      'TO rossi': [1, 2, 3],
      'CC rossi': [],
      'BCC x': [],
      'BODY "allegato: c"': [1],
      'TEXT sollecito': [2],
      'HEADER Message-ID ""': [1, 2, 3],
      'HEADER message-id Fattura-due': [3],
      'HEADER X-Nope ""': [],
      'BEFORE 10-Feb-2026': [1],
      'ON 10-Feb-2026': [2],
      'SINCE "10-feb-2026"': [2, 3],
      'SENTON 1-Jun-2026': [1, 2, 3],
      'SENTBEFORE 1-Jun-2026': [],
      'SENTSINCE 01-Jun-2026': [1, 2, 3],
      'LARGER 4000': [3],
      'SMALLER 4000': [1, 2],
      'UID 2:*': [2, 3],
      'UID 77': [],
      '2': [2],
      '2:9': [2, 3],
      '*': [3],
      'NOT SEEN': [2, 3],
      'NOT NOT SEEN': [1],
      'OR SEEN FLAGGED': [1, 2],
      'OR OR SEEN FLAGGED DELETED': [1, 2, 3],
      'SUBJECT fattura NOT DELETED': [1],
      '(SUBJECT fattura (UNSEEN))': [3],
      'OR (SEEN) (NOT (OR FLAGGED SEEN))': [1, 3],
      'CHARSET UTF-8 ALL': [1, 2, 3],
      'CHARSET us-ascii 1:2 SEEN': [1],
      'YOUNGER 10': [],
      'OLDER 10': [1, 2, 3],
    };
    for (const [keys, expected] of Object.entries(cases)) expect(await found(keys), keys).toEqual(expected);
  });

  it('finds accents, sent as a literal', async () => {
    const { client } = await selected();
    const needle = Buffer.from('perché');
    await client.send(`a UID SEARCH CHARSET UTF-8 BODY {${needle.length}}\r\n`);
    expect(await client.next()).toMatch(/^\+ /);
    await client.send(needle);
    await client.send('\r\n');
    expect((await client.reply('a')).untagged.map(String)).toEqual(['* SEARCH 2\r\n']);
    // As older clients write it.
    await client.send('b UID SEARCH CHARSET iso-8859-1 BODY {6+}\r\nperch\xe9\r\n');
    expect((await client.reply('b')).untagged.map(String)).toEqual(['* SEARCH 2\r\n']);
  });

  it('refuses other charsets and wrong keys', async () => {
    const { client } = await selected();
    expect(await client.answer('SEARCH CHARSET KOI8-R ALL')).toMatch(/^NO \[BADCHARSET \(.*\bUTF-8\b.*\)\]/);
    expect(await client.answer('SEARCH CHARSET UTF-8 BODY "perch\xe9"')).toMatch(/^(?:NO \[BADCHARSET|BAD )/);
    for (const keys of [
      '',
      'NOPE',
      'OR SEEN',
      'NOT',
      '(SEEN',
      'SEEN)',
      'ON 31-Feb-2026',
      'ON x',
      'LARGER',
      '()',
      'YOUNGER 0',
      'toString',
    ]) {
      expect(await client.answer(`SEARCH ${keys}`), keys).toMatch(/^BAD /);
    }
  });

  it('survives long chains and deep nesting', async () => {
    const { client, found } = await selected();
    expect(await found(`${'OR SUBJECT nulla '.repeat(300)}SEEN`)).toEqual([1]);
    expect(await client.answer(`SEARCH ${'NOT '.repeat(5_000)}SEEN`)).toMatch(/^BAD /);
    expect(await client.answer(`SEARCH ${'('.repeat(60)}SEEN${')'.repeat(60)}`)).toMatch(/^BAD /);
    expect(await client.answer(`SEARCH ${'SEEN '.repeat(3_000)}SEEN`)).toMatch(/^NO \[LIMIT\]/);
  });

  it('an empty mailbox answers with an empty result', async () => {
    const client = await (await engine.account()).login();
    await client.ok('SELECT INBOX');
    expect(await client.data('UID SEARCH *:*')).toEqual(['* SEARCH']);
    expect(await client.data('SEARCH 1:* UNSEEN NOT DELETED')).toEqual(['* SEARCH']);
  });
});

describe('ESEARCH', () => {
  it('returns what is asked for', async () => {
    const { client } = await selected();
    await client.send('a"b UID SEARCH RETURN (MIN) ALL\r\n');
    expect(await client.next()).toMatch(/ BAD /);
    await client.send('e1 UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN\r\n');
    expect(await client.next()).toBe('* ESEARCH (TAG "e1") UID MIN 2 MAX 3 ALL 2:3 COUNT 2');
    await client.reply('e1');
    await client.send('e2 SEARCH RETURN () ALL\r\n');
    expect(await client.next()).toBe('* ESEARCH (TAG "e2") ALL 1:3');
    await client.reply('e2');
    await client.send('e3 SEARCH RETURN (COUNT ALL MIN) ANSWERED\r\n');
    expect(await client.next()).toBe('* ESEARCH (TAG "e3") COUNT 0');
    await client.reply('e3');
    expect(await client.answer('SEARCH RETURN (NOPE) ALL')).toMatch(/^BAD /);
  });

  it('SAVE keeps a result for $', async () => {
    const { client } = await selected();
    expect(await client.run('SEARCH RETURN (SAVE) UNSEEN')).toEqual(['OK Search completed.']);
    expect(await client.data('FETCH $ UID')).toEqual(['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)']);
    expect(await client.data('UID SEARCH $ DELETED')).toEqual(['* SEARCH 3']);
    await client.ok('SEARCH RETURN (SAVE MIN) UNSEEN');
    expect(await client.data('FETCH $ UID')).toEqual(['* 2 FETCH (UID 2)']);
    await client.ok('STORE $ +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
    expect(await client.data('FETCH $ UID')).toEqual([]);
    await client.ok('SELECT INBOX');
    expect(await client.data('UID SEARCH UID $')).toEqual(['* SEARCH']);
  });
});
