import { expect, test } from 'vitest';
import { verifyEvidence, verifyJournal } from '../../src/conservation/index.ts';
import { openStore } from '../../src/store/index.ts';
import { JOURNAL_START, journalHash } from '../../src/store/journal/chain.ts';
import type { AccountStore, View } from '../../src/store/types.ts';
import { later, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const ADDRESS = 'studio@pec.example.it';

async function put(account: AccountStore, view: View, raw: string, source: string) {
  const spool = await account.spool();
  await spool.write(Buffer.from(raw));
  return account.file(view, spool, { flags: [], origin: { direction: 'unknown', source } });
}

test('every act on the archive stands in the journal, who and what, and the chain holds through a restart', async () => {
  const directory = await temporaryDirectory();
  const store = await openStore(directory, { threads: 1, prepareThreads: 1 });
  later(() => store.close());
  const account = await store.account(ADDRESS, { create: true });
  const first = await put(account, { tree: 'archive' }, ordinaryMessage(1), 'archiver');
  const second = await put(account, { tree: 'archive' }, ordinaryMessage(2), 'imap-append');
  // Nothing happens a second time, and a local mailbox is no archive.
  await put(account, { tree: 'archive' }, ordinaryMessage(1), 'archiver');
  await account.createMailbox('INBOX').catch(() => {});
  await account.storeFlags({ tree: 'archive' }, [second.uid], { action: 'add', flags: ['\\Deleted'] });
  await account.expunge({ tree: 'archive' }, null);
  await account.queue([first.message]);
  const service = await startService(directory, { policy: { incoming: 'all' } });
  await service.watch(account);
  await service.drain(ADDRESS);
  const { uids } = await account.open({ tree: 'archive' }, { readOnly: true });
  await account.copy({ tree: 'archive' }, [...uids], { tree: 'conservation', special: 'distribution' });
  await service.drain(ADDRESS);

  const entries = await account.journal(0, 100);
  const acts = entries.map(({ act, actor }) => `${act} ${actor}`);
  expect(acts).toEqual([
    'filed archiver',
    'filed imap-append',
    'removed imap',
    'settings configuration',
    'conserved conservation',
    'filed report',
    'distribution-requested imap',
    'filed distribution',
    'distribution-made conservation',
  ]);
  expect(JSON.parse(entries[0]?.detail ?? '')).toEqual({ tree: 'archive', messages: [first.sha256] });
  expect(JSON.parse(entries[2]?.detail ?? '')).toEqual({ tree: 'archive', messages: [second.sha256] });
  expect(JSON.parse(entries[3]?.detail ?? '')).toMatchObject({ policy: { incoming: 'all', outgoing: false } });
  let hash = JOURNAL_START;
  for (const entry of entries) hash = journalHash(hash, entry);
  expect(await account.journalHead()).toEqual({ seq: entries.length, hash });
  expect(await account.journal(4, 2)).toEqual(entries.slice(4, 6));

  await service.stop();
  await store.close();
  const again = await openStore(directory, { threads: 1, prepareThreads: 1 });
  later(() => again.close());
  const reopened = await again.account(ADDRESS);
  // The same configuration is no change of settings.
  const next = await startService(directory, { policy: { incoming: 'all' } });
  await next.watch(reopened);
  await next.drain(ADDRESS);
  expect(await verifyJournal(reopened)).toEqual({ entries: entries.length, faults: [] });
  expect(await verifyEvidence(reopened)).toMatchObject({ packages: 1, messages: 1, faults: [] });
  await next.stop();
  const changed = await startService(directory, { policy: { incoming: 'none' } });
  await changed.watch(reopened);
  expect((await reopened.journal(entries.length, 10)).map(({ act }) => act)).toEqual(['settings']);
});
