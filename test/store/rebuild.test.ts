import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccountStore, View } from '../../src/store/index.ts';
import { DERIVED, LEDGERED } from '../../src/store/ledger/tables.ts';
import { dump, rebuild, segmentFiles, withDatabase } from './premises.ts';
import {
  ARCHIVE,
  type Bench,
  base64,
  bench,
  CONSERVATION,
  conserveAll,
  INTAKE,
  message,
  noise,
  put,
  readAll,
  withAttachment,
} from './support.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.end());

const INBOX: View = { tree: 'local', name: 'INBOX' };
const WORK: View = { tree: 'local', name: 'Lavoro/2026' };

/** A bit of everything that an account can hold. */
async function live(account: AccountStore): Promise<void> {
  for (let index = 0; index < 5; index++) await put(account, ARCHIVE, message(`a${index}`), { flags: ['Urgente'] });
  await put(account, INTAKE, message('i1', { subject: 'perché no' }));
  await put(account, INTAKE, withAttachment('i2', base64(noise(90_000, 3))));
  await conserveAll(account, 'PdA-1');
  await put(account, INTAKE, message('i3'));
  await account.createMailbox('Lavoro/2026');
  await put(account, INBOX, message('l1'), { flags: ['\\Flagged', 'Mia'] });
  await put(account, INBOX, message('l2'));
  await put(account, INBOX, message('l1'));
  await account.copy(INBOX, [1, 2], WORK);
  await account.storeFlags(INBOX, [2], { action: 'add', flags: ['\\Deleted'] });
  await account.expunge(INBOX, null);
  await account.storeFlags(ARCHIVE, [1, 3], { action: 'set', flags: ['\\Answered', 'Altra'] });
  await account.move(ARCHIVE, [2], WORK);
  await account.renameMailbox('Lavoro/2026', 'Lavoro/2027');
  await account.setSubscribed(ARCHIVE, true);
  await account.setCursor({ folder: 'INBOX', uidValidity: 7, lastUid: 99 });
  await account.setSetting('account', { login: 'x' });
  await account.setSetting('vault', 'v1.sealed');
  await account.queue([
    (await account.fetch(ARCHIVE, [1], { columns: [], sections: [], markSeen: true }))[0]?.message ?? '',
  ]);
}

async function seen(account: AccountStore): Promise<unknown> {
  const views = (await account.listViews()).filter(({ selectable }) => selectable);
  const answers: unknown[] = [await account.listViews(), await account.cursors(), await account.packages()];
  for (const { view } of views) {
    const opened = await account.open(view, { readOnly: true });
    answers.push({ ...opened, uids: [...opened.uids] });
    answers.push(await account.changes(view, 1));
    answers.push([...(await account.search(view, { op: 'text', needle: 'perche' }))]);
    answers.push([...(await account.search(view, { op: 'text', needle: 'testo' }))]);
    const columns = ['flags', 'internalDate', 'size', 'envelope', 'bodyStructure', 'saveDate', 'threadId'] as const;
    for (const row of await account.fetch(view, [...opened.uids], { columns, sections: [], markSeen: false })) {
      answers.push(row, await account.record(row.message));
      answers.push((await readAll(account, row.message, row.size)).toString('latin1'));
    }
  }
  answers.push(await account.queued(100), await account.journal(0, 1000), await account.setting('account'));
  return answers;
}

describe('rebuild', () => {
  it('makes everything again, identical, when the database is lost', async () => {
    await live(b.account);
    await b.account.textSettled();
    const before = await seen(b.account);
    await b.store.close();
    const rows = await withDatabase(b.directory, db => dump(db, ['setting']));
    await rm(join(b.account.directory, 'account.db'));
    const outcome = await rebuild(b.directory);
    expect(outcome).toMatchObject({ lost: false, renumbered: false, unreadable: [], droppedEntries: 0 });
    // Attachments are read again once the account is open.
    await b.reopen();
    await b.account.textSettled();
    await b.store.close();
    expect(await withDatabase(b.directory, db => dump(db, ['setting']))).toEqual(rows);
    await b.reopen();
    expect(await seen(b.account)).toEqual(before);
    // What was sealed for the vault is not kept twice: forgotten is forgotten.
    expect(await b.account.setting('vault')).toBeNull();
    expect((await put(b.account, ARCHIVE, message('dopo'))).uid).toBe(9);
  });

  it('again and again gives the same, also on top of a database that is there', async () => {
    await live(b.account);
    const before = await seen(b.account);
    await b.store.close();
    for (let round = 0; round < 2; round++) expect((await rebuild(b.directory)).lost).toBe(false);
    await b.reopen();
    expect(await seen(b.account)).toEqual(before);
  });

  it('gives new UIDVALIDITYs where the history of UIDs is torn, and keeps what is left', async () => {
    await live(b.account);
    const before = await b.account.status([ARCHIVE, INTAKE, CONSERVATION, INBOX]);
    const { size } =
      (await b.account.fetch(ARCHIVE, [1], { columns: ['size'], sections: [], markSeen: false }))[0] ?? {};
    await b.store.close();
    const [file] = segmentFiles(b.directory);
    const octets = readFileSync(file ?? '');
    // In the middle of the ledger's last records.
    octets.fill(0, octets.length - 900, octets.length - 500);
    writeFileSync(file ?? '', octets);
    rmSync(join(b.account.directory, 'account.db'));
    const outcome = await rebuild(b.directory);
    expect(outcome).toMatchObject({ lost: true, renumbered: true });
    await b.reopen();
    const after = await b.account.status([ARCHIVE, INTAKE, CONSERVATION, INBOX]);
    after.forEach((status, index) => {
      expect(status.uidValidity).toBeGreaterThan(before[index]?.uidValidity ?? 0);
      expect(status.messages).toBe(before[index]?.messages);
    });
    expect(size).toBeGreaterThan(0);
    // The ledger begins anew: from now on it is whole.
    await put(b.account, ARCHIVE, message('nuovo'));
    await b.store.close();
    expect((await rebuild(b.directory)).lost).toBe(false);
    await b.reopen();
    expect((await b.account.status([ARCHIVE]))[0]?.uidValidity).toBe(after[0]?.uidValidity);
  });

  it('does not give up a sound database for a damaged ledger', async () => {
    await live(b.account);
    await b.store.close();
    const [file] = segmentFiles(b.directory);
    const octets = readFileSync(file ?? '');
    octets.fill(0, octets.length - 900, octets.length - 500);
    writeFileSync(file ?? '', octets);
    await expect(rebuild(b.directory)).rejects.toMatchObject({ code: 'CANNOT' });
    await b.reopen();
    expect((await b.account.status([ARCHIVE]))[0]?.messages).toBeGreaterThan(0);
  });

  it('keeps places and flags of messages whose octets are gone', async () => {
    await put(b.account, ARCHIVE, withAttachment('x', base64(noise(90_000, 3))), { flags: ['Mia'] });
    await put(b.account, ARCHIVE, message('sano'));
    await b.store.close();
    const [file] = segmentFiles(b.directory);
    const octets = readFileSync(file ?? '');
    octets.fill(0, 20_000, 20_010);
    writeFileSync(file ?? '', octets);
    rmSync(join(b.account.directory, 'account.db'));
    const outcome = await rebuild(b.directory);
    expect(outcome.unreadable).toHaveLength(1);
    expect(outcome).toMatchObject({ lost: false, messages: 2 });
    await b.reopen();
    const rows = await b.account.fetch(ARCHIVE, [1, 2], { columns: ['flags'], sections: [], markSeen: false });
    expect(rows.map(({ uid }) => uid)).toEqual([1, 2]);
    expect(rows[0]?.flags).toContain('Mia');
    await expect(b.account.read(rows[0]?.message ?? '', 0, 90_000)).rejects.toMatchObject({ code: 'CORRUPTION' });
  });
});

it('every table is either in the ledger or can be made again', async () => {
  await b.store.close();
  const names = await withDatabase(b.directory, db =>
    db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all(),
  );
  const known = [...LEDGERED.keys(), ...DERIVED, 'sqlite_sequence'];
  expect(names.filter(name => !known.includes(name))).toEqual([]);
  await b.reopen();
});
