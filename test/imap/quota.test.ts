import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

describe('QUOTA (RFC 9208) with a plan', () => {
  let engine: Engine;
  let account: TestAccount;
  let client: Client;
  const body = 'x'.repeat(78).concat('\r\n').repeat(50);

  beforeAll(async () => {
    engine = await Engine.start({ plans: { prova: { archiveBytes: 20 * 1024, conservationBytes: 10 * 1024 } } });
    account = await engine.account();
    client = await account.login();
    for (let number = 1; number <= 6; number++) await account.deliver('INBOX', message(`numero ${number}`, body));
  });
  afterAll(() => engine.stop());

  test('is advertised with what it counts', async () => {
    expect((await client.data('CAPABILITY'))[0]).toMatch(/ QUOTA QUOTA=RES-STORAGE/);
  });

  test('a root for each tree; the intake fills both; INBOX shows them as the account', async () => {
    expect(await client.data('GETQUOTAROOT Archivio')).toEqual([
      '* QUOTAROOT "Archivio" "Archivio"',
      '* QUOTA "Archivio" (STORAGE 0 20)',
    ]);
    expect(await client.data('GETQUOTAROOT "Conservazione/Rapporti di versamento"')).toEqual([
      '* QUOTAROOT "Conservazione/Rapporti di versamento" "Conservazione"',
      '* QUOTA "Conservazione" (STORAGE 0 10)',
    ]);
    for (const name of ['--ARCHIVIA--', 'INBOX']) {
      expect(await client.data(`GETQUOTAROOT ${name}`)).toEqual([
        `* QUOTAROOT "${name}" "Archivio" "Conservazione"`,
        '* QUOTA "Archivio" (STORAGE 0 20)',
        '* QUOTA "Conservazione" (STORAGE 0 10)',
      ]);
    }
    await client.ok('CREATE Pratiche');
    expect(await client.data('GETQUOTAROOT Pratiche')).toEqual(['* QUOTAROOT "Pratiche"']);
    expect(await client.answer('GETQUOTAROOT Archivio/1999')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await client.answer('GETQUOTAROOT Inesistente')).toMatch(/^NO \[NONEXISTENT\]/);
  });

  test("limits are the plan's: nobody changes them here", async () => {
    expect(await client.data('GETQUOTA "Conservazione"')).toEqual(['* QUOTA "Conservazione" (STORAGE 0 10)']);
    expect(await client.answer('GETQUOTA Altro')).toMatch(/^NO \[NONEXISTENT\]/);
    expect(await client.answer('SETQUOTA Archivio (STORAGE 1000000)')).toMatch(/^NO \[NOPERM\]/);
  });

  test('copies count, by their size, and what would go beyond the plan is refused whole', async () => {
    await client.ok('SELECT INBOX');
    await client.ok('COPY 1:4 Archivio');
    const [, quota] = await client.data('GETQUOTAROOT Archivio');
    const used = Number(/STORAGE (\d+) 20\)/.exec(quota ?? '')?.[1]);
    expect(used).toBeGreaterThanOrEqual(16);
    const refused = await client.run('MOVE 4:6 Archivio');
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(/^NO \[OVERQUOTA\] Lo spazio del piano per l'archivio/);
    expect(await client.data('STATUS Archivio (MESSAGES)')).toEqual(['* STATUS "Archivio" (MESSAGES 4)']);
    expect(await client.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 6)']);
    expect(await client.answer('COPY 5:6 --ARCHIVIA--')).toMatch(/^NO \[OVERQUOTA\]/);
    // Local mailboxes are no part of the plan.
    await client.ok('COPY 5:6 Pratiche');
  });

  test('a message that does not fit is refused before it is sent', async () => {
    await client.send('a APPEND Archivio {9000}\r\n');
    expect(await client.next()).toMatch(/^a NO \[OVERQUOTA\]/);
    await client.send(`b APPEND Archivio {9000+}\r\n${'y'.repeat(9_000)}\r\n`);
    expect(await client.next()).toMatch(/^b NO \[OVERQUOTA\]/);
    expect(await client.answer('NOOP')).toMatch(/^OK/);
  });

  test('several messages in one APPEND are filed all or none', async () => {
    const before = await client.data('STATUS Archivio (MESSAGES)');
    const part = `{2500+}\r\n${'z'.repeat(2_500)}`;
    await client.send(`m APPEND Archivio ${part} ${part}\r\n`);
    expect(await client.next()).toMatch(/^m NO \[OVERQUOTA\]/);
    expect(await client.data('STATUS Archivio (MESSAGES)')).toEqual(before);
  });

  test('conservation has a limit of its own: what lies in the archive already goes by that alone', async () => {
    await client.ok('SELECT Archivio');
    await client.ok('COPY 1:2 --ARCHIVIA--');
    expect((await client.data('GETQUOTA Conservazione'))[0]).toMatch(/STORAGE 9 10/);
    const answer = await client.answer('MOVE 3 --ARCHIVIA--');
    expect(answer).toMatch(/^NO \[OVERQUOTA\] Lo spazio del piano per la conservazione/);
    expect(await client.data('STATUS --ARCHIVIA-- (MESSAGES)')).toEqual(['* STATUS "--ARCHIVIA--" (MESSAGES 2)']);
  });

  test('STATUS tells what an EXPUNGE would free', async () => {
    await client.ok('SELECT Pratiche');
    expect(await client.data('STATUS INBOX (DELETED-STORAGE)')).toEqual(['* STATUS "INBOX" (DELETED-STORAGE 0)']);
    await client.ok('STORE 1 +FLAGS (\\Deleted)');
    await client.ok('UNSELECT');
    expect(await client.data('STATUS Pratiche (DELETED DELETED-STORAGE)')).toEqual([
      '* STATUS "Pratiche" (DELETED 1 DELETED-STORAGE 5)',
    ]);
    expect(await client.data('LIST "" Pratiche RETURN (STATUS (DELETED-STORAGE))')).toContain(
      '* STATUS "Pratiche" (DELETED-STORAGE 5)',
    );
  });
});

describe('QUOTA without a plan', () => {
  test('has the disk for a limit, never an empty list, and refuses nothing', async () => {
    const engine = await Engine.start();
    const account = await engine.account();
    const client = await account.login();
    await account.deliver('INBOX', message('uno'));
    await client.ok('SELECT INBOX');
    await client.ok('COPY 1 --ARCHIVIA--');
    expect(await client.data('GETQUOTAROOT INBOX')).toEqual([
      '* QUOTAROOT "INBOX" "Archivio" "Conservazione"',
      expect.stringMatching(/^\* QUOTA "Archivio" \(STORAGE 1 [1-9]\d{4,15}\)$/),
      expect.stringMatching(/^\* QUOTA "Conservazione" \(STORAGE 1 [1-9]\d{4,15}\)$/),
    ]);
    await engine.stop();
  });

  test('has no roots where the account shows no trees', async () => {
    const engine = await Engine.start({ archive: { enabled: false } });
    const client = await (await engine.account()).login();
    expect(await client.data('GETQUOTAROOT INBOX')).toEqual(['* QUOTAROOT "INBOX"']);
    expect(await client.answer('GETQUOTA Archivio')).toMatch(/^NO \[NONEXISTENT\]/);
    await engine.stop();
  });
});
