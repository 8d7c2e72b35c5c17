import { afterAll, beforeAll, expect, it } from 'vitest';
import { ARCHIVE, type Bench, bench, message, put } from './support.ts';

let stage: Bench;
beforeAll(async () => {
  stage = await bench();
});
afterAll(() => stage.end());

it('keeps which upstream message is which of ours, in one life of a folder', async () => {
  const { account } = stage;
  const one = await put(account, ARCHIVE, message('uno'));
  const two = await put(account, ARCHIVE, message('due'));
  const folder = { folder: 'INBOX', uidValidity: 7 };
  await account.setCursor({ ...folder, lastUid: 9 }, [
    { uid: 9, message: two.message },
    { uid: 3, message: one.message },
  ]);
  await account.knowUpstream({ folder: 'Inviata', uidValidity: 7 }, [{ uid: 1, message: one.message }]);
  await account.knowUpstream(folder, [{ uid: 12, message: one.message }]);
  await stage.reopen();
  expect([...(await stage.account.knownUpstreamUids(folder))]).toEqual([3, 9, 12]);
  expect(await stage.account.upstreamMessages(folder, [1, 9, 12])).toEqual([
    { uid: 9, message: two.message },
    { uid: 12, message: one.message },
  ]);

  await stage.account.retainUpstream(folder, [9, 10]);
  expect([...(await stage.account.knownUpstreamUids(folder))]).toEqual([9]);
  expect([...(await stage.account.knownUpstreamUids({ folder: 'Inviata', uidValidity: 7 }))]).toEqual([1]);

  await stage.account.setCursor({ folder: 'INBOX', uidValidity: 8, lastUid: 0 });
  expect(await stage.account.upstreamMessages(folder, [9])).toEqual([]);
  expect([...(await stage.account.knownUpstreamUids({ folder: 'INBOX', uidValidity: 8 }))]).toEqual([]);
});
