import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import type { PieceRow } from '../../src/store/segment/pieces.ts';
import type { AccountStore, View } from '../../src/store/types.ts';
import { segmentFiles, withDatabase } from '../store/premises.ts';
import { ADDRESS } from '../store/support.ts';
import { later, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const ARCHIVE: View = { tree: 'archive' };
const REPORTS: View = { tree: 'conservation', special: 'reports' };

async function open(directory: string): Promise<{ account: AccountStore; close: () => Promise<void> }> {
  const store = await openStore(directory, { threads: 1, prepareThreads: 1 });
  later(() => store.close());
  return { account: await store.account(ADDRESS, { create: true }), close: () => store.close() };
}

async function subjects(account: AccountStore): Promise<string> {
  const { uids } = await account.open(REPORTS, { readOnly: true });
  const rows = await account.fetch(REPORTS, [...uids], { columns: ['envelope'], sections: [], markSeen: false });
  return rows.map(({ envelope }) => envelope).join('\n');
}

test('day by day every message that is not conserved is read again, and what is damaged is told', async () => {
  const directory = await temporaryDirectory();
  const first = await open(directory);
  for (let number = 1; number <= 3; number++) {
    const spool = await first.account.spool();
    await spool.write(Buffer.from(ordinaryMessage(number)));
    await first.account.file(ARCHIVE, spool, { flags: [], origin: { direction: 'unknown', source: 'imap-append' } });
  }
  await first.close();
  const row = await withDatabase(directory, db => db.prepare<[], PieceRow>('SELECT * FROM piece ORDER BY id').get());
  const [file = ''] = segmentFiles(directory);
  const octets = readFileSync(file);
  const at = (row?.offset ?? 0) + 50;
  octets[at] = (octets[at] ?? 0) ^ 1;
  writeFileSync(file, octets);

  const { account } = await open(directory);
  const read = new Set<unknown>();
  const setSetting = account.setSetting.bind(account);
  account.setSetting = async (key, value) => {
    if (key === 'conservation.reread') read.add(value);
    return setSetting(key, value);
  };
  const service = await startService(directory, {}, { times: { firstRenewalCheck: 1, renewalCheck: 1 } });
  await service.watch(account);
  await vi.waitFor(() => expect([...read].sort()).toEqual([1, 2, 3]), 20_000);
  await service.stop();
  expect(await subjects(account)).toContain('Messaggi archiviati risultano danneggiati: 1');
});
