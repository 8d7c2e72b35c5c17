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
  for (let index = 1; index <= count; index++) {
    await account.deliver('INBOX', message(`numero ${index}`), ['\\Seen'], Date.UTC(2026, 5, 15));
  }
  await client.ok('CREATE Altra');
  await client.ok('SELECT INBOX');
  return { account, client };
}

describe('COPY', () => {
  it('tells the UIDs and keeps flags and date', async () => {
    const { client } = await selected(3);
    expect(await client.answer('COPY 1:2 Altra')).toMatch(/^OK \[COPYUID \d+ 1:2 1:2\] /);
    expect(await client.answer('UID COPY 3,1 Altra')).toMatch(/^OK \[COPYUID \d+ 1,3 3:4\] /);
    await client.ok('SELECT Altra');
    const [line] = await client.data('FETCH 1 (FLAGS INTERNALDATE)');
    expect(line).toBe('* 1 FETCH (FLAGS (\\Seen) INTERNALDATE "15-Jun-2026 02:00:00 +0200")');
  });

  it('nothing to copy, nowhere to copy to', async () => {
    const { client } = await selected(1);
    expect(await client.answer('UID COPY 77 Altra')).toBe('OK No messages found.');
    expect(await client.answer('COPY 77 Altra')).toMatch(/^BAD /);
    expect(await client.answer('COPY 1 Manca')).toMatch(/^NO \[TRYCREATE\]/);
    expect(await client.answer('COPY 1 Conservazione')).toMatch(/^NO \[CANNOT\]/);
    expect(await client.answer('COPY 1 Archivio/Miei')).toMatch(/^NO \[NONEXISTENT\]/);
  });

  it('into Archivio and --ARCHIVIA--; again is harmless', async () => {
    const { client } = await selected(2);
    for (let time = 0; time < 2; time++) {
      expect(await client.answer('COPY 1:2 Archivio')).toMatch(/^OK \[COPYUID \d+ 1:2 1:2\]/);
      expect(await client.answer('COPY 1:2 --ARCHIVIA--')).toMatch(/^OK \[COPYUID \d+ 1:2 1:2\]/);
    }
    expect(await client.data('STATUS --ARCHIVIA-- (MESSAGES)')).toEqual(['* STATUS "--ARCHIVIA--" (MESSAGES 2)']);
    expect(await client.data('STATUS Archivio (MESSAGES)')).toEqual(['* STATUS "Archivio" (MESSAGES 2)']);
  });
});

describe('MOVE', () => {
  it('tells COPYUID, then the expunges, then OK', async () => {
    const { client } = await selected(3);
    const lines = await client.run('MOVE 1,3 Altra');
    expect(lines[0]).toMatch(/^\* OK \[COPYUID \d+ 1,3 1:2\] /);
    expect(lines.slice(1)).toEqual(['* 3 EXPUNGE', '* 1 EXPUNGE', 'OK Move completed.']);
    expect(await client.data('UID SEARCH ALL')).toEqual(['* SEARCH 2']);
    expect(await client.run('UID MOVE 1 Altra')).toEqual(['OK No messages found.']);
    expect(await client.data('NOOP')).toEqual([]);
  });

  it('out of Archivio restores; inside it there is nowhere to move to', async () => {
    const { client } = await selected(2);
    await client.ok('MOVE 1:2 Archivio');
    await client.ok('SELECT Archivio/2026/06');
    expect(await client.run('MOVE 1 Archivio/2026')).toEqual([expect.stringMatching(/^NO \[CANNOT\] /)]);
    expect(await client.data('NOOP')).toEqual([]);
    expect((await client.run('UID MOVE 2 INBOX')).slice(1)).toEqual(['* 2 EXPUNGE', 'OK Move completed.']);
    expect(await client.data('STATUS INBOX (MESSAGES)')).toEqual(['* STATUS "INBOX" (MESSAGES 1)']);
  });

  it('refused, it changes nothing', async () => {
    const { client } = await selected(1);
    expect(await client.run('MOVE 1 Manca')).toEqual([expect.stringMatching(/^NO \[TRYCREATE\]/)]);
    expect(await client.run('MOVE 1 Conservazione')).toEqual([expect.stringMatching(/^NO \[CANNOT\]/)]);
    expect(await client.data('SEARCH ALL')).toEqual(['* SEARCH 1']);
  });
});
