import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoreEvent, View } from '../../src/store/index.ts';
import { ADDRESS, ARCHIVE, type Bench, bench, CONSERVATION, conserveAll, INTAKE, message, put } from './support.ts';

const NOVEMBER = Date.parse('2026-11-10T09:00:00Z');
const LEAF: View = { tree: 'archive', year: 2026, month: 11, category: 'Ordinaria' };

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.end());

async function flagsOf(view: View): Promise<string[][]> {
  const { uids } = await b.account.open(view, { readOnly: true });
  const rows = await b.account.fetch(view, [...uids], { columns: ['flags'], sections: [], markSeen: false });
  return rows.map(row => [...row.flags]);
}

describe('the archive', () => {
  it('files where date and kind say, whatever level was named', async () => {
    const first = await put(b.account, { tree: 'archive', year: 1999 }, message('a'), { internalDate: NOVEMBER });
    expect(first.view).toEqual(LEAF);
    const mine = await put(b.account, ARCHIVE, message('b', { from: `Io <${ADDRESS.toUpperCase()}>` }), {
      internalDate: NOVEMBER,
      origin: { direction: 'unknown', source: 'imap-append' },
    });
    expect(mine.view).toEqual({ ...LEAF, category: 'Inviati' });
    const sent = await put(b.account, ARCHIVE, message('c'), {
      internalDate: NOVEMBER,
      origin: { direction: 'sent', source: 'submission' },
    });
    expect(sent.view).toEqual({ ...LEAF, category: 'Inviati' });
    expect([first.uid, mine.uid, sent.uid]).toEqual([1, 2, 3]);
  });

  it('cuts months at midnight in Rome', async () => {
    const before = await put(b.account, ARCHIVE, message('prima'), {
      internalDate: Date.parse('2026-10-31T22:59:59Z'),
    });
    const after = await put(b.account, ARCHIVE, message('dopo'), { internalDate: Date.parse('2026-10-31T23:00:00Z') });
    expect(before.view).toMatchObject({ month: 10 });
    expect(after.view).toMatchObject({ month: 11 });
  });

  it('holds the same octets once, and marks automatic copies as seen', async () => {
    const origin = { direction: 'received', source: 'archiver', folder: 'INBOX' } as const;
    const first = await put(b.account, ARCHIVE, message('a'), { origin, flags: ['$Lavoro', '\\Deleted'] });
    const again = await put(b.account, ARCHIVE, message('a'), { internalDate: 0 });
    expect(again).toEqual({ ...first, duplicate: true });
    expect(await flagsOf(ARCHIVE)).toEqual([['\\Seen', '$Lavoro']]);
    expect(await b.account.findBySha256(first.sha256)).toBe(first.message);
    expect(await b.account.findBySha256('0'.repeat(64))).toBeNull();
  });

  it('lists levels that hold something', async () => {
    const { uid } = await put(b.account, ARCHIVE, message('a'), { internalDate: NOVEMBER });
    const names = async (): Promise<string[]> =>
      (await b.account.listViews())
        .filter(({ view }) => view.tree === 'archive')
        .map(({ view }) => Object.values(view).join('/'));
    expect(await names()).toEqual(['archive', 'archive/2026', 'archive/2026/11', 'archive/2026/11/Ordinaria']);
    await b.account.remove(ARCHIVE, [uid]);
    expect(await names()).toEqual(['archive']);
    await expect(b.account.status([{ tree: 'archive', year: 2001 }])).rejects.toMatchObject({ code: 'NONEXISTENT' });
    // Who has the level open still can ask.
    expect((await b.account.changes(LEAF, 1)).vanished).toEqual([uid]);
  });

  it('remembers the choice of subscriptions', async () => {
    await put(b.account, ARCHIVE, message('a'), { internalDate: NOVEMBER });
    const subscribed = async (): Promise<unknown[]> =>
      (await b.account.listViews()).filter(listing => listing.subscribed).map(listing => listing.view);
    const specials = [
      { tree: 'watch', special: 'pending' },
      { tree: 'watch', special: 'undelivered' },
      { tree: 'watch', special: 'expiring' },
      { tree: 'conservation', special: 'reports' },
      { tree: 'conservation', special: 'distribution' },
      { tree: 'intake' },
    ];
    expect(await subscribed()).toEqual([LEAF, ...specials]);
    await b.account.setSubscribed(LEAF, false);
    await b.account.setSubscribed(ARCHIVE, true);
    await b.reopen();
    expect(await subscribed()).toEqual([ARCHIVE, ...specials]);
  });
});

describe('the intake', () => {
  it('queues and archives what is put there', async () => {
    const filed = await put(b.account, INTAKE, message('a'), {
      internalDate: NOVEMBER,
      flags: ['\\Flagged', '\\Deleted'],
    });
    expect(filed).toMatchObject({ view: INTAKE, uid: 1, duplicate: false });
    const again = await put(b.account, INTAKE, message('a'));
    expect(again).toEqual({ ...filed, duplicate: true });
    expect((await b.account.status([INTAKE, LEAF])).map(({ messages }) => messages)).toEqual([1, 1]);
    const waiting = await b.account.queued(10);
    expect(waiting).toHaveLength(1);
    expect(waiting[0]).toMatchObject({
      message: filed.message,
      intakeUid: 1,
      attempts: 0,
      conserved: null,
      category: 'Ordinaria',
    });
    expect(waiting[0]?.structure.subject).toBe('messaggio a');
  });

  it('un-queues what is taken out, unless a policy queued it as well', async () => {
    const one = await put(b.account, INTAKE, message('uno'));
    const two = await put(b.account, INTAKE, message('due'));
    await b.account.queue([two.message]);
    await b.account.storeFlags(INTAKE, [one.uid, two.uid], { action: 'add', flags: ['\\Deleted'] });
    expect((await b.account.expunge(INTAKE, null)).uids).toEqual([1, 2]);
    expect((await b.account.queued(10)).map(({ message: handle, intakeUid }) => [handle, intakeUid])).toEqual([
      [two.message, null],
    ]);
    expect((await b.account.status([ARCHIVE]))[0]?.messages).toBe(2);
  });

  it('keeps a refused message with a keyword, and takes it again', async () => {
    const filed = await put(b.account, INTAKE, message('a'));
    await b.account.queueFailed(filed.message, 'non si legge', false);
    await b.account.queueFailed(filed.message, 'non si legge', false);
    expect((await b.account.queued(1))[0]?.attempts).toBe(2);
    await b.account.queueFailed(filed.message, 'non si legge', true);
    expect(await b.account.queued(1)).toEqual([]);
    expect(await flagsOf(INTAKE)).toEqual([['$Rifiutato']]);
    await b.account.queue([filed.message]);
    expect(await b.account.queued(1)).toEqual([]);
    await put(b.account, INTAKE, message('a'));
    expect((await b.account.queued(1))[0]).toMatchObject({ attempts: 0, intakeUid: 1 });
    expect(await flagsOf(INTAKE)).toEqual([[]]);
  });
});

describe('conservation', () => {
  it('takes a group of messages out of the intake at once, and tells of it', async () => {
    for (const id of ['a', 'b', 'c'])
      await put(b.account, INTAKE, message(id), { internalDate: NOVEMBER, flags: ['\\Seen'] });
    const events: StoreEvent[] = [];
    b.account.on('change', event => events.push(event));
    const waiting = await b.account.queued(10);
    await conserveAll(b.account, 'PdA-1');
    expect(events.filter(event => event.tree === 'intake').map(event => event.modseq)).toEqual([5]);
    expect((await b.account.changes(INTAKE, 4)).vanished).toEqual([1, 2, 3]);
    expect((await b.account.changes(INTAKE, 5)).vanished).toEqual([]);
    expect(await flagsOf({ ...LEAF, tree: 'conservation' } as View)).toEqual([['\\Seen'], ['\\Seen'], ['\\Seen']]);
    expect(await flagsOf(ARCHIVE)).toEqual([
      ['\\Seen', '$Conservato'],
      ['\\Seen', '$Conservato'],
      ['\\Seen', '$Conservato'],
    ]);
    expect(await b.account.queued(10)).toEqual([]);
    expect((await b.account.packages()).map(({ packageId, messages }) => [packageId, messages.length])).toEqual([
      ['PdA-1', 3],
    ]);
    expect((await b.account.record(waiting[0]?.message ?? '')).conserved).toMatchObject({ packageId: 'PdA-1' });
    // Once more, as after a crash.
    const count = events.length;
    await b.account.conserved((await b.account.packages())[0] as never);
    expect(events).toHaveLength(count);
    expect((await b.account.status([CONSERVATION]))[0]?.messages).toBe(3);
  });

  it('wants evidence on disk and the right digests', async () => {
    const { message: handle, sha256 } = await put(b.account, INTAKE, message('a'));
    const sealed = { packageId: 'PdA-2', sealedAt: 1, messages: [{ message: handle, sha256 }] };
    await expect(b.account.conserved(sealed)).rejects.toMatchObject({ code: 'CANNOT' });
    const evidence = await b.account.evidenceDirectory('PdA-2');
    await expect(b.account.conserved(sealed)).rejects.toMatchObject({ code: 'CANNOT' });
    await writeFile(join(evidence, 'PIndex.xml'), '<x/>');
    const wrong = { ...sealed, messages: [{ message: handle, sha256: '0'.repeat(64) }] };
    await expect(b.account.conserved(wrong)).rejects.toMatchObject({ code: 'CORRUPTION' });
    expect(await b.account.packages()).toEqual([]);
    await b.account.conserved(sealed);
    expect(await b.account.packages()).toHaveLength(1);
    for (const id of ['..', '', '.x', 'a/b', 'a\\b']) {
      await expect(b.account.evidenceDirectory(id)).rejects.toMatchObject({ code: 'CANNOT' });
    }
  });

  it('gives up nothing', async () => {
    await put(b.account, INTAKE, message('a'), { internalDate: NOVEMBER });
    await put(b.account, ARCHIVE, message('libero'), { internalDate: NOVEMBER });
    await conserveAll(b.account, 'PdA-3');
    const cannot = { code: 'CANNOT' };
    const all: View[] = [CONSERVATION, { ...LEAF, tree: 'conservation' } as View];
    for (const view of all) {
      await expect(b.account.expunge(view, null)).rejects.toMatchObject(cannot);
      await expect(b.account.remove(view, [1])).rejects.toMatchObject(cannot);
      await expect(b.account.move(view, [1], ARCHIVE)).rejects.toMatchObject(cannot);
      await expect(b.account.storeFlags(view, [1], { action: 'add', flags: ['\\Deleted'] })).rejects.toMatchObject(
        cannot,
      );
      await expect(put(b.account, view, message('x'))).rejects.toMatchObject(cannot);
      await expect(b.account.copy(ARCHIVE, [1], view)).rejects.toMatchObject(cannot);
    }
    // A package of distribution is asked for of what is conserved alone, and nothing is moved for it.
    const distribution: View = { tree: 'conservation', special: 'distribution' };
    await expect(b.account.copy(ARCHIVE, [2], distribution)).rejects.toMatchObject(cannot);
    await expect(b.account.move(CONSERVATION, [1], distribution)).rejects.toMatchObject(cannot);
    expect(await b.account.copy(CONSERVATION, [1], distribution)).toMatchObject({ pairs: [], requested: true });
    // In the archive it is there to stay as well, and holds up the others of its command.
    await b.account.storeFlags(ARCHIVE, [1, 2], { action: 'add', flags: ['\\Deleted'] });
    await expect(b.account.expunge(ARCHIVE, null)).rejects.toMatchObject(cannot);
    await expect(b.account.move(ARCHIVE, [1, 2], { tree: 'local', name: 'INBOX' })).rejects.toMatchObject({
      code: 'CANNOT',
    });
    await expect(b.account.remove(ARCHIVE, [1])).rejects.toMatchObject(cannot);
    expect((await b.account.status([ARCHIVE, CONSERVATION])).map(({ messages }) => messages)).toEqual([2, 1]);
    expect((await b.account.expunge(ARCHIVE, [2])).uids).toEqual([2]);
    // Other flags are the user's own.
    await b.account.storeFlags(CONSERVATION, [1], { action: 'set', flags: ['\\Flagged', 'Pratica', '$Conservato'] });
    expect(await flagsOf(CONSERVATION)).toEqual([['\\Flagged', 'Pratica']]);
    expect((await b.account.open(CONSERVATION, { readOnly: false })).permanentFlags).not.toContain('\\Deleted');
  });

  it('answers a message that is conserved already with a UID that leaves at once', async () => {
    await put(b.account, INTAKE, message('a'));
    await conserveAll(b.account, 'PdA-4');
    const { highestModseq } = await b.account.open(INTAKE, { readOnly: true });
    const again = await put(b.account, INTAKE, message('a'));
    expect(again).toMatchObject({ uid: 2, duplicate: true });
    expect(await b.account.changes(INTAKE, highestModseq)).toMatchObject({ added: [], vanished: [2] });
    const copied = await b.account.copy(CONSERVATION, [1], INTAKE);
    expect(copied.pairs.map(({ destination }) => destination)).toEqual([3]);
    expect((await b.account.open(INTAKE, { readOnly: true })).uidNext).toBe(4);
    expect(await b.account.queued(10)).toEqual([]);
  });

  it('takes reports from the system alone', async () => {
    const reports: View = { tree: 'conservation', special: 'reports' };
    const origin = { direction: 'received', source: 'report' } as const;
    const filed = await put(b.account, reports, message('rdv'), { origin, flags: ['\\Seen'] });
    expect(filed).toMatchObject({ view: reports, uid: 1, duplicate: false });
    expect(await put(b.account, reports, message('rdv'), { origin })).toMatchObject({ uid: 1, duplicate: true });
    await expect(put(b.account, CONSERVATION, message('rdv'), { origin })).rejects.toMatchObject({ code: 'CANNOT' });
    expect((await b.account.status([reports, CONSERVATION])).map(({ messages }) => messages)).toEqual([1, 1]);
  });
});

describe('transfers', () => {
  it('move back from the intake is a withdrawal', async () => {
    await put(b.account, INTAKE, message('a'), { internalDate: NOVEMBER });
    const moved = await b.account.move(INTAKE, [1], ARCHIVE);
    expect(moved.pairs).toEqual([{ source: 1, destination: 1, view: LEAF }]);
    expect((await b.account.status([INTAKE, ARCHIVE])).map(({ messages }) => messages)).toEqual([0, 1]);
    expect(await b.account.queued(1)).toEqual([]);
  });

  it('move inside the archive loses nothing', async () => {
    await put(b.account, ARCHIVE, message('a'), { internalDate: NOVEMBER });
    await b.account.move(ARCHIVE, [1], { tree: 'archive', year: 2020 });
    await b.account.move(ARCHIVE, [1], INTAKE);
    expect((await b.account.status([ARCHIVE, INTAKE])).map(({ messages }) => messages)).toEqual([1, 1]);
  });

  it('copy keeps flags and dates, and duplicates in plain mailboxes', async () => {
    await b.account.createMailbox('Pratiche');
    const to: View = { tree: 'local', name: 'Pratiche' };
    await put(b.account, INTAKE, message('a'), { internalDate: NOVEMBER, flags: ['\\Answered', 'Urgente'] });
    await conserveAll(b.account, 'P');
    for (const uid of [1, 2]) {
      const { pairs } = await b.account.copy(ARCHIVE, [1, 99], to);
      expect(pairs).toEqual([{ source: 1, destination: uid, view: to }]);
    }
    expect(await flagsOf(to)).toEqual([
      ['\\Answered', 'Urgente'],
      ['\\Answered', 'Urgente'],
    ]);
    const [row] = await b.account.fetch(to, [1], { columns: ['internalDate'], sections: [], markSeen: false });
    expect(row?.internalDate).toBe(NOVEMBER);
    // Back into the archive it is the one that never left.
    expect((await b.account.copy(to, [2], ARCHIVE)).pairs[0]?.destination).toBe(1);
  });
});

describe('flags', () => {
  it('obey UNCHANGEDSINCE and leave reserved keywords alone', async () => {
    await put(b.account, INTAKE, message('a'));
    await put(b.account, INTAKE, message('b'));
    await conserveAll(b.account, 'P');
    const before = await b.account.open(ARCHIVE, { readOnly: true });
    const first = await b.account.storeFlags(ARCHIVE, [1], { action: 'set', flags: ['\\Seen', 'Mia'] });
    expect(first.stored[0]?.flags).toEqual(['\\Seen', '$Conservato', 'Mia']);
    const second = await b.account.storeFlags(ARCHIVE, [1, 2], {
      action: 'add',
      flags: ['mia'],
      unchangedSince: before.highestModseq,
    });
    expect(second.modified).toEqual([1]);
    expect(second.stored.map(({ uid, flags }) => [uid, flags])).toEqual([[2, ['$Conservato', 'Mia']]]);
    const third = await b.account.storeFlags(ARCHIVE, [2], { action: 'remove', flags: ['$conservato', 'MIA'] });
    expect(third.stored[0]?.flags).toEqual(['$Conservato']);
    // Nothing changed, so nothing is told.
    const { highestModseq } = await b.account.open(ARCHIVE, { readOnly: true });
    await b.account.storeFlags(ARCHIVE, [2], { action: 'remove', flags: ['\\Seen'] });
    expect((await b.account.open(ARCHIVE, { readOnly: true })).highestModseq).toBe(highestModseq);
  });

  it('\\Seen is set by a fetch that reads', async () => {
    await put(b.account, ARCHIVE, message('a'));
    const request = { columns: ['flags'], sections: [{ part: [], text: 'TEXT' }], markSeen: true } as const;
    const [first] = await b.account.fetch(ARCHIVE, [1], request);
    expect(first).toMatchObject({ seenNow: true, flags: ['\\Seen'], modseq: 3 });
    const [second] = await b.account.fetch(ARCHIVE, [1], request);
    expect(second).toMatchObject({ seenNow: false, flags: ['\\Seen'], modseq: 3 });
    expect(await b.account.fetch(ARCHIVE, [1], { ...request, changedSince: 3 })).toEqual([]);
  });
});

describe('many at a time', () => {
  it('share commits and are all there', async () => {
    const events: StoreEvent[] = [];
    b.account.on('change', event => events.push(event));
    const filed = await Promise.all(
      Array.from({ length: 200 }, (_, index) => put(b.account, INTAKE, message(`m${index % 150}`))),
    );
    expect(new Set(filed.map(({ uid }) => uid)).size).toBe(150);
    expect(filed.filter(({ duplicate }) => duplicate)).toHaveLength(50);
    expect([...(await b.account.open(INTAKE, { readOnly: true })).uids]).toEqual(
      Array.from({ length: 150 }, (_, i) => i + 1),
    );
    expect(events.filter(({ tree }) => tree === 'intake').length).toBeLessThan(200);
    expect(await b.account.queued(1000)).toHaveLength(150);
  });

  it('one that fails does not disturb the others', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        put(b.account, index % 2 ? ARCHIVE : { tree: 'local', name: 'Manca' }, message(`x${index}`)),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? 'fulfilled' : 'rejected')),
    );
    expect((await b.account.status([ARCHIVE]))[0]?.messages).toBe(10);
  });

  it('an event is told when its message can be seen', async () => {
    const seen: number[] = [];
    b.account.on('change', () => {
      b.account.status([ARCHIVE]).then(([status]) => seen.push(status?.messages ?? -1));
    });
    for (let index = 0; index < 5; index++) await put(b.account, ARCHIVE, message(`e${index}`));
    await b.account.status([ARCHIVE]);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('small things', () => {
  it('settings and cursors are kept', async () => {
    expect(await b.account.setting('x')).toBeNull();
    await b.account.setSetting('x', { a: [1, 'è'] });
    await b.account.setCursor({ folder: 'INBOX', uidValidity: 5, lastUid: 10 });
    await b.account.setCursor({ folder: 'INBOX', uidValidity: 6, lastUid: 1 });
    await b.reopen();
    expect(await b.account.setting('x')).toEqual({ a: [1, 'è'] });
    expect(await b.account.cursors()).toEqual([{ folder: 'INBOX', uidValidity: 6, lastUid: 1 }]);
  });

  it('addresses name their own directory and no other', async () => {
    for (const address of [
      '..',
      '../../x@pec.example.it',
      'è@pec.example.it',
      'a%2fb@pec.example.it',
      '.x@pec.example.it',
    ]) {
      const account = await b.store.account(address, { create: true });
      expect(account.directory.startsWith(join(b.directory, 'accounts/'))).toBe(true);
      expect(account.directory.slice(b.directory.length + 10)).not.toMatch(/\/|^\./);
    }
    expect(await b.store.addresses()).toEqual(
      ['..', '../../x@pec.example.it', '.x@pec.example.it', ADDRESS, 'a%2fb@pec.example.it', 'è@pec.example.it'].sort(),
    );
    await expect(b.store.account('nessuno@pec.example.it')).rejects.toMatchObject({ code: 'NONEXISTENT' });
    expect(await b.store.account(ADDRESS.toUpperCase())).toBe(b.account);
  });

  it('a spool is used once', async () => {
    const spool = await b.account.spool();
    await Promise.all([spool.write(Buffer.from('Subject: ')), spool.write(Buffer.from('x\r\n\r\ny'))]);
    expect(spool.size).toBe(15);
    const filing = { flags: [], origin: { direction: 'unknown', source: 'imap-append' } } as const;
    const { uid } = await b.account.file(ARCHIVE, spool, filing);
    await expect(spool.write(Buffer.from('z'))).rejects.toMatchObject({ code: 'CANNOT' });
    await expect(b.account.file(ARCHIVE, spool, filing)).rejects.toMatchObject({ code: 'CANNOT' });
    const [row] = await b.account.fetch(ARCHIVE, [uid], { columns: [], sections: [{ part: [] }], markSeen: false });
    expect(row?.sections[0]).toMatchObject({
      kind: 'bytes',
      bytes: Uint8Array.from(Buffer.from('Subject: x\r\n\r\ny')),
    });
    const other = await b.account.spool();
    await other.write(Buffer.from('x'));
    await other.discard();
    await other.discard();
  });
});
