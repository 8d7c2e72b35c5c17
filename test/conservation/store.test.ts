import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, Store, View } from '../../src/store/types.ts';
import { judgePackage, later, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const ADDRESS = 'studio@pec.example.it';
const INTAKE: View = { tree: 'intake' };
const CONSERVATION: View = { tree: 'conservation' };
const REPORTS: View = { tree: 'conservation', special: 'reports' };

async function put(account: AccountStore, view: View, raw: string) {
  const spool = await account.spool();
  await spool.write(Buffer.from(raw));
  return account.file(view, spool, { flags: [], origin: { direction: 'unknown', source: 'imap-append' } });
}

async function counts(account: AccountStore) {
  const [intake, conservation, reports] = await account.status([INTAKE, CONSERVATION, REPORTS]);
  return { intake: intake?.messages, conservation: conservation?.messages, reports: reports?.messages };
}

async function open(directory: string): Promise<{ store: Store; account: AccountStore }> {
  const store = await openStore(directory, { threads: 1, prepareThreads: 1 });
  later(() => store.close());
  return { store, account: await store.account(ADDRESS, { create: true }) };
}

test('messages leave --ARCHIVIA-- for Conservazione, with a report', async () => {
  const directory = await temporaryDirectory();
  const { account } = await open(directory);
  const archived = await put(account, { tree: 'archive' }, ordinaryMessage(1));
  await account.queue([archived.message]);
  for (let i = 2; i <= 4; i++) await put(account, INTAKE, ordinaryMessage(i));
  const service = await startService(directory);
  await service.watch(account);
  await service.drain(ADDRESS);

  const before = await counts(account);
  expect(before.intake).toBe(0);
  expect(before.reports).toBe(1);
  const [sealed] = await account.packages();
  expect(sealed?.messages).toHaveLength(4);
  await judgePackage(await account.evidenceDirectory(sealed?.packageId ?? 'none'));
  expect((await account.record(archived.message)).conserved?.packageId).toBe(sealed?.packageId);
  const { uids } = await account.open(REPORTS, { readOnly: true });
  const [report] = await account.fetch(REPORTS, [...uids], { columns: ['envelope'], sections: [], markSeen: false });
  expect(report?.envelope).toContain('Rapporto di versamento RDV-');

  // The next message is queued by a listener's news alone.
  await put(account, INTAKE, ordinaryMessage(5));
  await service.drain(ADDRESS);
  expect(await counts(account)).toMatchObject({ intake: 0, reports: 2 });
});

/** How the process ended: its exit code, or the signal. */
function killedAt(directory: string, step: number): Promise<number | NodeJS.Signals | null> {
  const script = fileURLToPath(new URL('support/killed.ts', import.meta.url));
  const child = spawn(process.execPath, [script, directory, `${step}`], { stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise(resolve => child.on('exit', (code, signal) => resolve(code ?? signal)));
}

test('killed at every step in turn, the queue is worked off once', async () => {
  const directory = await temporaryDirectory();
  const prepared = await openStore(directory, { threads: 1, prepareThreads: 1 });
  const filling = await prepared.account(ADDRESS, { create: true });
  for (let i = 1; i <= 3; i++) await put(filling, INTAKE, ordinaryMessage(i));
  await prepared.close();

  // Each start repairs what the one before left, and gets a step further.
  let kills = 0;
  // Before, nothing has been written.
  let step = 4;
  let ended = await killedAt(directory, step);
  while (ended === 'SIGKILL') {
    kills++;
    ended = await killedAt(directory, ++step);
  }
  expect(ended).toBe(0);
  expect(kills).toBeGreaterThan(10);

  const { account } = await open(directory);
  const packages = await account.packages();
  expect(packages.flatMap(({ messages }) => messages)).toHaveLength(3);
  expect(await counts(account)).toMatchObject({ intake: 0, reports: packages.length });
  expect(await account.queued(10)).toEqual([]);
  expect((await readdir(join(account.directory, 'evidence'))).toSorted()).toEqual(
    packages.map(({ packageId }) => packageId).toSorted(),
  );
  for (const { packageId } of packages) await judgePackage(await account.evidenceDirectory(packageId));
}, 120_000);
