import { createWriteStream } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDistributionPackage, verifyEvidence, verifyJournal } from '../../src/conservation/index.ts';
import { MemoryAccount, sha256 } from './support/account.ts';
import { failedInstructions, runInstructions, unzip } from './support/distribution.ts';
import { startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';
import { startTsa } from './support/tsa.ts';

const DAY = 86_400_000;

async function conserved(messages: number, conservation: object = {}, options: object = {}) {
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  for (let i = 1; i <= messages; i++) account.add(ordinaryMessage(i));
  const service = await startService(directory, conservation, options);
  await service.watch(account.store);
  await service.drain(account.address);
  const directories = (await account.packages()).map(({ packageId }) => join(directory, 'evidence', packageId));
  return { directory, account, service, evidence: directories[0] ?? '', directories };
}

async function distribute(account: MemoryAccount, message: string, name: string): Promise<string> {
  const zip = join(account.directory, `${name}.zip`);
  await createDistributionPackage(account.store, message, createWriteStream(zip));
  await unzip(zip, join(account.directory, name));
  return join(account.directory, name);
}

const faults = async (account: MemoryAccount) => (await verifyEvidence(account.store)).faults;

test('stamps whose certificate ends soon are renewed, many packages by one stamp, and what they prove still holds', async () => {
  const tsa = await startTsa({ days: 100 });
  const fresh = await startTsa({ days: 3000 });
  const { account, service, directories } = await conserved(6, { batch: 2, timestamp: { url: tsa.url } });
  expect(directories).toHaveLength(3);
  await service.stop();

  const later = await startService(account.directory, { timestamp: { url: fresh.url } });
  await later.watch(account.store);
  const renewed = await later.renew(account.address);
  expect(renewed.map(({ kind, file }) => [kind, file])).toEqual(new Array(3).fill(['timestamp', 'rinnovo-0001.json']));
  expect(fresh.requests).toHaveLength(1);
  // Nothing is due any more.
  expect(await later.renew(account.address)).toEqual([]);
  expect(await faults(account)).toEqual([]);

  // And once more, and anew with a stronger digest, and that renewed too.
  await later.renew(account.address, { all: true });
  expect((await later.renew(account.address, { all: true, hashTree: true })).map(({ kind }) => kind)).toEqual(
    new Array(3).fill('tree'),
  );
  await later.renew(account.address, { all: true });
  expect(fresh.requests).toHaveLength(4);
  expect(await faults(account)).toEqual([]);
  const extracted = await distribute(account, 'm3', 'pdd');
  const names = await readdir(extracted);
  expect(names).toEqual(expect.arrayContaining(['rinnovo-1.tsr', 'rinnovo-4.tsr', 'rinnovo-4.pem']));
  expect(await runInstructions(extracted)).toBeGreaterThan(40);
  const text = await readFile(join(extracted, 'VERIFICA.txt'), 'utf8');
  expect(text).toContain('sha512sum');
  // A stamp of renewal that was exchanged is found out by its own commands.
  const other = await readFile(join(extracted, 'rinnovo-1.tsr'));
  await writeFile(join(extracted, 'rinnovo-3.tsr'), other);
  expect((await failedInstructions(extracted)).length).toBeGreaterThan(1);
  expect((await account.journal(0, 1000)).filter(({ act }) => act === 'renewed')).toHaveLength(12);
}, 120_000);

test('the daily look renews what is due, by itself', async () => {
  const tsa = await startTsa({ days: 100 });
  const { account, service } = await conserved(1, { timestamp: { url: tsa.url } });
  await service.stop();
  const done = Promise.withResolvers<void>();
  const step = (name: string) => void (name === 'renewed' && done.resolve());
  const next = await startService(account.directory, {}, { times: { firstRenewalCheck: 1, renewalCheck: DAY }, step });
  await next.watch(account.store);
  await done.promise;
  await next.stop();
  expect(await faults(account)).toEqual([]);
});

test('a document that has changed is not hashed anew', async () => {
  const { account, service } = await conserved(2);
  account.damage = (message, bytes) => (message === 'm2' ? Buffer.from(bytes).fill(0x78, 20, 21) : bytes);
  await expect(service.renew(account.address, { all: true, hashTree: true })).rejects.toThrow(/not what was sealed/);
  account.damage = null;
  await service.renew(account.address, { all: true, hashTree: true });
  expect(await faults(account)).toEqual([]);
  // After that the stronger digest finds out what the store would not.
  account.damage = (message, bytes) => (message === 'm2' ? Buffer.from(bytes).fill(0x78, 20, 21) : bytes);
  expect(await faults(account)).toEqual([
    expect.objectContaining({ file: `messaggi/${sha256(account.raw('m2'))}.eml` }),
  ]);
});

test('an authority that is down leaves everything due, and a crash in between is no harm', async () => {
  const tsa = await startTsa();
  const { account, service } = await conserved(4, { batch: 1, timestamp: { url: tsa.url } });
  tsa.behave((_, response) => void response.writeHead(503).end());
  await expect(service.renew(account.address)).rejects.toThrow(/HTTP status 503/);
  tsa.behave(null);
  await service.stop();
  let steps = 0;
  const step = () => {
    if (++steps === 2) throw new Error('stopped here');
  };
  const stopped = await startService(account.directory, { timestamp: { url: tsa.url } }, { step });
  await stopped.watch(account.store);
  await expect(stopped.renew(account.address)).rejects.toThrow('stopped here');
  await stopped.stop();
  expect(await faults(account)).toEqual([]);
  const last = await startService(account.directory, {});
  await last.watch(account.store);
  // The evaluation stamps last for years: after this nothing is due.
  expect(await last.renew(account.address)).toHaveLength(4);
  expect(await last.renew(account.address)).toEqual([]);
  expect(await faults(account)).toEqual([]);
});

test('every file of a package that is exchanged, cut, removed or set back is told by its name', async () => {
  const { account, service, evidence } = await conserved(3);
  await service.renew(account.address, { all: true });
  expect(await faults(account)).toEqual([]);
  const names = await readdir(evidence);
  expect(names.length).toBeGreaterThan(12);
  for (const name of names) {
    const path = join(evidence, name);
    const good = await readFile(path);
    const middle = Buffer.from(good);
    const at = middle.length >> 1;
    middle[at] = (middle[at] ?? 0) ^ 1;
    for (const bad of [middle, good.subarray(0, good.length - 3)]) {
      await writeFile(path, bad);
      const found = await faults(account);
      expect(found, name).not.toEqual([]);
      const told = found.map(({ file, reason }) => `${file} ${reason}`).join('\n');
      expect(told).toContain(name);
    }
    await rm(path);
    // The only renewal leaves nothing behind that would tell of it: the journal does.
    const told = name.startsWith('rinnovo') ? (await verifyJournal(account.store)).faults : await faults(account);
    expect(told.map(({ file }) => file)).toContain(name);
    await writeFile(path, good);
  }
  expect(await faults(account)).toEqual([]);
}, 120_000);

test('a package that the database does not know, and one that is not there, are told', async () => {
  const { account, directories } = await conserved(2, { batch: 1 });
  const [sealed] = await account.packages();
  account.sealed.delete(sealed?.packageId ?? '');
  expect(await faults(account)).toEqual([
    { subject: sealed?.packageId, file: 'account.db', reason: expect.stringContaining('set back') },
  ]);
  account.sealed.set(sealed?.packageId ?? '', sealed as NonNullable<typeof sealed>);
  await rm(directories[1] ?? '', { recursive: true });
  const found = await faults(account);
  expect(found.every(({ subject }) => directories[1]?.endsWith(subject))).toBe(true);
  expect(found.map(({ file }) => file)).toContain('pacchetto.json');
});

test('the journal is followed entry by entry, and its attested heads find out who set it back', async () => {
  const { account, service: first } = await conserved(3, { batch: 1 });
  await first.stop();
  for (let i = 0; i < 1200; i++) await account.appendJournal('filed', 'archiver', { number: i });
  account.add(ordinaryMessage(9));
  const service = await startService(account.directory);
  await service.watch(account.store);
  await service.drain(account.address);
  const entries = account.acts.length;
  expect(await verifyJournal(account.store)).toEqual({ entries, faults: [] });

  const [kept] = account.acts.slice(600, 601);
  if (kept === undefined) throw new Error('no entry');
  account.acts[600] = { ...kept, detail: '{"number":"altro"}' };
  expect((await verifyJournal(account.store)).faults).toEqual([
    { subject: 'journal', file: 'account.db', reason: expect.stringContaining('entry 601') },
  ]);
  account.acts[600] = kept;
  const removed = account.acts.splice(700, 1);
  expect((await verifyJournal(account.store)).faults[0]?.reason).toContain('entry 701');
  account.acts.splice(700, 0, ...removed);
  expect((await verifyJournal(account.store)).faults).toEqual([]);

  // Set back to an earlier day, or written anew from some point on: only the stamped heads can tell.
  const whole = [...account.acts];
  account.acts.length = 500;
  expect((await verifyJournal(account.store)).faults[0]?.reason).toMatch(/ends at entry 500.*set back/);
  for (const { act, actor, detail } of whole.slice(500)) {
    await account.appendJournal(act, actor, act === 'filed' ? { number: 'altro' } : JSON.parse(detail));
  }
  expect((await verifyJournal(account.store)).faults[0]?.reason).toMatch(/not the one that package PDA-.* attests/);
});
