import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message, type TestAccount } from './support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

/** Two messages in `--ARCHIVIA--`. */
async function queued() {
  const account = await engine.account();
  const client = await account.login();
  await account.deliver('INBOX', message('uno'), ['\\Seen'], Date.UTC(2026, 5, 15));
  await account.deliver('INBOX', message('due'), ['\\Seen'], Date.UTC(2026, 5, 15));
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1:2 --ARCHIVIA--');
  return { account, client };
}

/** What the conservation worker does when a package is sealed. */
async function conserve(account: TestAccount): Promise<void> {
  const { store } = account;
  const waiting = await store.queued(100);
  const directory = await store.evidenceDirectory('P1');
  await writeFile(join(directory, 'pindex.xml'), '<x/>');
  const messages = waiting.map(({ message: handle, sha256 }) => ({ message: handle, sha256 }));
  await store.conserved({ packageId: 'P1', sealedAt: Date.now(), messages });
}

describe('conservation as a client sees it', () => {
  it('messages leave --ARCHIVIA-- before the eyes of who has it open', async () => {
    const { account, client } = await queued();
    await client.ok('SELECT --ARCHIVIA--');
    await client.send('i IDLE\r\n');
    expect(await client.next()).toBe('+ idling');
    await conserve(account);
    const seen: string[] = [];
    while (seen.length < 2) seen.push(await client.next());
    expect([
      ['* 2 EXPUNGE', '* 1 EXPUNGE'],
      ['* 1 EXPUNGE', '* 1 EXPUNGE'],
    ]).toContainEqual(seen);
    await client.send('DONE\r\n');
    await client.reply('i');
    expect(await client.run('SELECT Conservazione/2026/06/Ordinaria')).toContain('* 2 EXISTS');
    expect((await client.data('SELECT Archivio')).find(line => line.startsWith('* 2 EXISTS'))).toBeDefined();
    const [first] = await client.data('FETCH 1 FLAGS');
    expect(first).toContain('$Conservato');
  });

  it('until its EXPUNGE may be told, a message that has left is served as it was', async () => {
    const { account, client } = await queued();
    await client.ok('SELECT --ARCHIVIA--');
    const items = 'FETCH 1:2 (UID FLAGS ENVELOPE BODY[HEADER.FIELDS (SUBJECT)])';
    const before = await client.data(items);
    await conserve(account);
    expect(await client.data(items)).toEqual(before);
    expect((await client.data('NOOP')).filter(line => line.endsWith('EXPUNGE'))).toHaveLength(2);
    expect(await client.data('UID FETCH 1:* (FLAGS)')).toEqual([]);
  });

  it('copying into the folder of packages asks for one, and says so; what is not conserved is refused', async () => {
    const { account, client } = await queued();
    const folder = '"Conservazione/Pacchetti di distribuzione"';
    await client.ok('SELECT Archivio');
    expect(await client.answer(`COPY 1 ${folder}`)).toMatch(/^NO \[CANNOT\] .*conservat/);
    await conserve(account);
    await client.ok('SELECT Conservazione');
    // Nothing was copied, so there is no COPYUID: the package comes as a message of its own.
    expect(await client.answer(`COPY 1:2 ${folder}`)).toMatch(/^OK [^[]*pacchetto di distribuzione richiesto/i);
    expect(await client.answer(`UID COPY 1 ${folder}`)).toMatch(/^OK [^[]/);
    expect((await account.store.distributionRequests()).map(({ messages }) => messages.length)).toEqual([2, 1]);
    expect(await client.answer(`UID COPY 999 ${folder}`)).toMatch(/^OK /);
    expect(await client.answer(`MOVE 1 ${folder}`)).toMatch(/^NO \[CANNOT\] /);
    expect(await client.data(`MYRIGHTS ${folder}`)).toEqual([expect.stringMatching(/ lrswi$/)]);
    expect((await account.store.distributionRequests()).length).toBe(2);
  });

  it('nothing conserved can be deleted or moved, and the client is told the truth', async () => {
    const { account, client } = await queued();
    await conserve(account);
    await client.ok('SELECT Conservazione');
    const [flags = ''] = await client.data('UID FETCH 1 FLAGS');
    const refused = await client.run('UID STORE 1 +FLAGS (\\Deleted)');
    expect(refused).toEqual([flags, expect.stringMatching(/^NO \[CANNOT\] \S/)]);
    expect(await client.run('MOVE 1 INBOX')).toEqual([expect.stringMatching(/^NO \[CANNOT\] \S/)]);
    expect(await client.run('EXPUNGE')).toEqual([expect.stringMatching(/^(NO \[CANNOT\]|OK) \S/)]);
    await client.ok('UID STORE 1 +FLAGS ($Importante)');
    await client.ok('COPY 1 INBOX');
    await client.ok('CLOSE');
    expect(await client.run('SELECT Conservazione')).toContain('* 2 EXISTS');
    expect(await client.data('UID FETCH 1 BODY.PEEK[]')).toEqual([expect.stringContaining(message('uno'))]);
    await client.ok('SELECT Archivio');
    expect((await client.run('STORE 1 +FLAGS (\\Deleted)')).at(-1)).toMatch(/^(NO \[CANNOT\]|OK)/);
    await client.run('EXPUNGE');
    expect(await client.run('SELECT Archivio')).toContain('* 2 EXISTS');
  });
});
