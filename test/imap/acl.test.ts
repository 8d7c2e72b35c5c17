import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

let engine: Engine;
let account: TestAccount;
let client: Client;
beforeAll(async () => {
  engine = await Engine.start({ limits: { messageBytes: 5_000 } });
  account = await engine.account();
  client = await account.login();
  await account.deliver('INBOX', message('uno'), [], Date.UTC(2026, 5, 1));
  await client.ok('CREATE Pratiche');
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1 Archivio');
});
afterAll(() => engine.stop());

describe('ACL (RFC 4314)', () => {
  test.each([
    ['INBOX', 'lrswikte'],
    ['Pratiche', 'lrswikxte'],
    ['Archivio', 'lrswite'],
    ['Archivio/2026', 'lrswite'],
    ['--ARCHIVIA--', 'lrswite'],
    ['Conservazione', 'lrsw'],
    ['Conservazione/Rapporti di versamento', 'lrsw'],
  ])('MYRIGHTS of %s', async (name, rights) => {
    expect(await client.data(`MYRIGHTS "${name}"`)).toEqual([`* MYRIGHTS "${name}" ${rights}`]);
  });

  test('what the rights say is what happens', async () => {
    const tried: [string, string, RegExp][] = [
      ['Archivio', 'k', /^NO/],
      ['Conservazione', 'k', /^NO/],
      ['Pratiche', 'k', /^OK/],
    ];
    for (const [name, right, answer] of tried) {
      const rights = (await client.data(`MYRIGHTS ${name}`))[0]?.split(' ').at(-1) ?? '';
      expect(rights.includes(right)).toBe(answer.source.includes('OK'));
      expect(await client.answer(`CREATE ${name}/sotto`)).toMatch(answer);
    }
    expect(await client.answer('DELETE Archivio')).toMatch(/^NO/);
    expect(await client.answer('COPY 1 Conservazione')).toMatch(/^NO \[CANNOT\]/);
    await client.ok('SELECT Archivio');
    expect(await client.answer('STORE 1 +FLAGS (\\Flagged \\Deleted)')).toMatch(/^OK/);
    expect(await client.answer('EXPUNGE')).toMatch(/^OK/);
  });

  test('without the right to administer there is no more to be had, and nothing for a folder that is not there', async () => {
    for (const command of ['GETACL', 'LISTRIGHTS', 'SETACL', 'DELETEACL']) {
      const rest = command === 'GETACL' ? '' : command === 'SETACL' ? ' altri +lr' : ' altri';
      for (const name of ['INBOX', 'Archivio']) {
        expect(await client.answer(`${command} ${name}${rest}`)).toMatch(/^NO \[NOPERM\]/);
      }
      expect(await client.answer(`${command} Inesistente${rest}`)).toMatch(/^NO \[NONEXISTENT\]/);
      expect(await client.answer(`${command} INBOX a b c d`)).toMatch(/^BAD/);
    }
    expect(await client.answer('SETACL INBOX altri !!')).toMatch(/^BAD/);
    expect(await client.answer('MYRIGHTS Archivio/1999')).toMatch(/^NO \[NONEXISTENT\]/);
    expect((await client.data('CAPABILITY'))[0]).toMatch(/ ACL RIGHTS=texk\b/);
  });
});

describe('APPENDLIMIT (RFC 7889)', () => {
  test('is told for all, by mailbox and in LIST, and it is kept', async () => {
    expect((await client.data('CAPABILITY'))[0]).toMatch(/ APPENDLIMIT=5000\b/);
    expect(await client.data('STATUS Archivio (MESSAGES APPENDLIMIT)')).toEqual([
      expect.stringMatching(/^\* STATUS "Archivio" \(MESSAGES \d+ APPENDLIMIT 5000\)$/),
    ]);
    expect(await client.data('LIST "" INBOX RETURN (STATUS (APPENDLIMIT))')).toContain(
      '* STATUS "INBOX" (APPENDLIMIT 5000)',
    );
    await client.send('a APPEND INBOX {5001}\r\n');
    expect(await client.next()).toMatch(/^a NO \[TOOBIG\]/);
  });
});
