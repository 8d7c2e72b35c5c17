import { expect, test } from 'vitest';
import { lastDayOf, renewed, termOf, withNotice } from '../../src/conservation/term/plan.ts';
import { openStore } from '../../src/store/index.ts';
import { isServed } from '../../src/store/service-term.ts';
import type { AccountStore, View } from '../../src/store/types.ts';
import { later, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const ADDRESS = 'studio@pec.example.it';
const ARCHIVE: View = { tree: 'archive' };
const INTAKE: View = { tree: 'intake' };
const REPORTS: View = { tree: 'conservation', special: 'reports' };
const DAY = 86_400_000;
const at = (day: string) => Date.parse(`${day}T12:00:00Z`);

async function put(account: AccountStore, view: View, raw: string) {
  const spool = await account.spool();
  await spool.write(Buffer.from(raw));
  return account.file(view, spool, { flags: [], origin: { direction: 'unknown', source: 'imap-append' } });
}

test('terms are days in Italian time, and last a year', () => {
  const term = termOf('2026-03-01', null);
  if (term === null) throw new Error('no term');
  expect(new Date(term.start).toISOString()).toBe('2026-02-28T23:00:00.000Z');
  expect(lastDayOf(term)).toBe('2027-02-28');
  expect(termOf('2026-03-01', '2026-02-28')).toBeNull();
  expect(termOf('2026-02-30', null)).toBeNull();
  expect(isServed(term, at('2026-02-27'))).toBe(false);
  // Without notice it goes on.
  expect(isServed(term, at('2028-01-01'))).toBe(true);
});

test('notice takes effect at the end if given thirty days before, else a year later', () => {
  const term = termOf('2026-01-01', '2026-12-31');
  if (term === null) throw new Error('no term');
  expect(lastDayOf(withNotice(term, at('2026-11-30'), null))).toBe('2026-12-31');
  const late = withNotice(term, at('2026-12-10'), null);
  expect(lastDayOf(late)).toBe('2027-12-31');
  expect(isServed(late, at('2027-12-31'))).toBe(true);
  expect(isServed(late, at('2028-01-01'))).toBe(false);
  expect(lastDayOf(renewed(late, at('2027-06-01'), null))).toBe('2028-12-31');
  // Days without service are not paid for.
  expect(lastDayOf(renewed(late, at('2028-03-05'), null))).toBe('2029-03-04');
});

test('after the end the views are read-only, and renewal brings them back at once', async () => {
  const directory = await temporaryDirectory();
  const store = await openStore(directory, { threads: 1, prepareThreads: 1 });
  later(() => store.close());
  const account = await store.account(ADDRESS, { create: true });
  const { uid } = await put(account, ARCHIVE, ordinaryMessage(1));
  await put(account, INTAKE, ordinaryMessage(2));
  const now = Date.now();
  const ended = { start: now - 400 * DAY, end: now - DAY, noticeAt: now - 60 * DAY };
  await account.setServiceTerm(ended, 'service-notice', 'test');

  await expect(put(account, ARCHIVE, ordinaryMessage(3))).rejects.toMatchObject({ code: 'NOPERM' });
  await expect(put(account, INTAKE, ordinaryMessage(3))).rejects.toMatchObject({ code: 'NOPERM' });
  await expect(account.copy(ARCHIVE, [uid], INTAKE)).rejects.toMatchObject({ code: 'NOPERM' });
  await expect(account.remove(ARCHIVE, [uid])).rejects.toMatchObject({ code: 'NOPERM' });
  const flags = { action: 'add', flags: ['\\Flagged'] } as const;
  await expect(account.storeFlags(ARCHIVE, [uid], flags)).rejects.toThrow('Il servizio di archiviazione è terminato');
  expect(await account.open(ARCHIVE, { readOnly: false })).toMatchObject({ readOnly: true, permanentFlags: [] });
  expect(await account.search(ARCHIVE, { op: 'text', needle: 'Messaggio 1' })).toHaveLength(1);
  expect((await account.read('M1', 0, 10)).length).toBe(10);

  const service = await startService(directory);
  await service.watch(account);
  await service.drain(ADDRESS);
  const counts = async () => (await account.status([INTAKE, REPORTS])).map(({ messages }) => messages);
  // Nothing conserved; the user is told, once.
  expect(await counts()).toEqual([1, 1]);
  const { uids } = await account.open(REPORTS, { readOnly: true });
  const [told] = await account.fetch(REPORTS, [...uids], { columns: ['flags'], sections: [], markSeen: false });
  expect(told?.flags).not.toContain('\\Seen');

  await account.setServiceTerm(renewed(ended, now, null), 'service-renewed', 'test');
  await put(account, ARCHIVE, ordinaryMessage(3));
  await service.drain(ADDRESS);
  expect(await counts()).toEqual([0, 2]);
  const acts = (await account.journal(0, 100)).map(({ act }) => act);
  expect(acts).toEqual(expect.arrayContaining(['service-notice', 'service-ended', 'service-renewed', 'conserved']));
});
