import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { View } from '../../src/store/index.ts';
import { type Bench, bench, message, put } from './support.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.end());

const local = (name: string): View => ({ tree: 'local', name });

async function names(): Promise<string[]> {
  return (await b.account.listViews()).flatMap(({ view, selectable }) =>
    view.tree === 'local' ? [selectable ? view.name : `(${view.name})`] : [],
  );
}

describe('local mailboxes', () => {
  it('are not there until one is made; then INBOX is', async () => {
    expect(await names()).toEqual([]);
    await b.account.createMailbox('Clienti/Bianchi');
    expect(await names()).toEqual(['(Clienti)', 'Clienti/Bianchi', 'INBOX']);
    await b.account.createMailbox('Clienti');
    expect(await names()).toEqual(['Clienti', 'Clienti/Bianchi', 'INBOX']);
    await expect(b.account.createMailbox('inbox')).rejects.toMatchObject({ code: 'ALREADYEXISTS' });
    for (const name of ['', '/', 'a//b', '/a', 'a/', 'a\u0000b', 'x'.repeat(2000), '\ud800']) {
      await expect(b.account.createMailbox(name)).rejects.toMatchObject({
        code: expect.stringMatching(/CANNOT|LIMIT/),
      });
    }
  });

  it('know their names in one spelling', async () => {
    await b.account.createMailbox('Citta\u0300');
    await put(b.account, local('Città'), message('a'));
    await b.account.createMailbox('iNbOx/sotto');
    expect(await names()).toEqual(['Città', 'INBOX', 'INBOX/sotto']);
    await put(b.account, local('inbox'), message('b'));
    expect((await b.account.status([local('INBOX')]))[0]?.messages).toBe(1);
  });

  it('show special use, children and subscriptions', async () => {
    await b.account.createMailbox('Posta inviata', '\\Sent');
    await b.account.createMailbox('Altro/Sotto');
    const listing = (await b.account.listViews()).filter(({ view }) => view.tree === 'local');
    expect(
      listing.map(({ view, hasChildren, subscribed, specialUse }) => [view, hasChildren, subscribed, specialUse]),
    ).toEqual([
      [local('Altro'), true, false, null],
      [local('Altro/Sotto'), false, false, null],
      [local('INBOX'), false, true, null],
      [local('Posta inviata'), false, true, '\\Sent'],
    ]);
  });

  it('are deleted with what is in them; INBOX is not', async () => {
    await b.account.createMailbox('A');
    await b.account.createMailbox('A/B');
    const filed = await put(b.account, local('A'), message('x'));
    const before = await b.account.open(local('A'), { readOnly: true });
    await b.account.deleteMailbox('A');
    expect(await names()).toEqual(['(A)', 'A/B', 'INBOX']);
    expect(await b.account.findBySha256(filed.sha256)).toBeNull();
    await expect(b.account.open(local('A'), { readOnly: true })).rejects.toMatchObject({ code: 'NONEXISTENT' });
    await expect(b.account.deleteMailbox('A')).rejects.toMatchObject({ code: 'NONEXISTENT' });
    await expect(b.account.deleteMailbox('Inbox')).rejects.toMatchObject({ code: 'CANNOT' });
    await b.account.createMailbox('A');
    const after = await b.account.open(local('A'), { readOnly: true });
    expect(after.uidValidity).toBeGreaterThan(before.uidValidity);
    expect(after.messages).toBe(0);
  });

  it('are renamed with everything below', async () => {
    for (const name of ['A', 'A/B', 'A/B/C', 'AB']) await b.account.createMailbox(name);
    const filed = await put(b.account, local('A/B/C'), message('x'));
    await b.account.renameMailbox('A', 'Z/A');
    expect(await names()).toEqual(['AB', 'INBOX', '(Z)', 'Z/A', 'Z/A/B', 'Z/A/B/C']);
    expect(await b.account.open(local('Z/A/B/C'), { readOnly: true })).toMatchObject({
      uidValidity: filed.uidValidity,
      uids: Uint32Array.of(filed.uid),
    });
    await expect(b.account.renameMailbox('AB', 'Z/A')).rejects.toMatchObject({ code: 'ALREADYEXISTS' });
    await expect(b.account.renameMailbox('Manca', 'X')).rejects.toMatchObject({ code: 'NONEXISTENT' });
    await expect(b.account.renameMailbox('Z/A', 'Z/A/X')).rejects.toMatchObject({ code: 'CANNOT' });
  });

  it('INBOX renamed leaves an empty INBOX behind', async () => {
    await b.account.createMailbox('INBOX/sotto');
    await put(b.account, local('INBOX'), message('x'), { flags: ['Mia', '\\Seen'] });
    await b.account.renameMailbox('INBOX', 'Vecchia');
    expect(await names()).toEqual(['INBOX', 'INBOX/sotto', 'Vecchia']);
    expect((await b.account.status([local('INBOX'), local('Vecchia')])).map(({ messages }) => messages)).toEqual([
      0, 1,
    ]);
    expect((await b.account.changes(local('INBOX'), 1)).vanished).toEqual([1]);
    const [row] = await b.account.fetch(local('Vecchia'), [1], { columns: ['flags'], sections: [], markSeen: false });
    expect(row?.flags).toEqual(['\\Seen', 'Mia']);
    expect((await put(b.account, local('INBOX'), message('y'))).uid).toBe(2);
  });
});
