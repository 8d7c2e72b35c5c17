import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryAccount } from './support/account.ts';
import { judgePackage, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

class Stop extends Error {}

async function newAccount(messages: number): Promise<MemoryAccount> {
  const account = new MemoryAccount(await temporaryDirectory());
  for (let i = 1; i <= messages; i++) account.add(ordinaryMessage(i));
  return account;
}

/**
 * Works until the k-th step, and no further: from then on nothing of the account answers, as if the process had been
 * killed. Gives the number of steps that were taken.
 */
async function workUntil(account: MemoryAccount, k: number, batch: number): Promise<number> {
  let steps = 0;
  let dead = false;
  const step = () => {
    if (++steps < k) return;
    dead = true;
    throw new Stop();
  };
  const mortal = new Proxy(account.store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...parameters: unknown[]) => {
        if (dead && name !== 'off') throw new Stop();
        return Reflect.apply(value, target, parameters);
      };
    },
  });
  const service = await startService(account.directory, { batch }, { step });
  await service.watch(mortal);
  await service.drain(account.address).catch((error: unknown) => {
    if (!(error instanceof Stop)) throw error;
  });
  await service.stop();
  return steps;
}

/** What the outside sees of a finished queue. */
async function assertFinished(account: MemoryAccount): Promise<void> {
  const packages = await account.packages();
  const conserved = packages.flatMap(({ messages }) => messages.map(({ message }) => message));
  expect(conserved.toSorted()).toEqual([...account.held.keys()].toSorted());
  expect([...account.held.values()].every(({ queued, conserved }) => !queued && conserved !== null)).toBe(true);
  expect(account.reports).toHaveLength(packages.length);
  expect(await account.setting('conservation.open')).toBeNull();
  expect(account.failures).toEqual([]);
  // No directory of evidence besides those of the packages, and each of them whole.
  const directories = await readdir(join(account.directory, 'evidence'));
  expect(directories.toSorted()).toEqual(packages.map(({ packageId }) => packageId).toSorted());
  for (const { packageId } of packages) {
    const evidence = join(account.directory, 'evidence', packageId);
    expect((await readdir(evidence)).filter(name => name.startsWith('.'))).toEqual([]);
    const seal = JSON.parse(await readFile(join(evidence, 'pacchetto.json'), 'utf8'));
    expect(seal.packageId).toBe(packageId);
  }
}

test('stopped at any step, the next start finishes the work, and nothing is done twice', async () => {
  const whole = await newAccount(2);
  const total = await workUntil(whole, Number.POSITIVE_INFINITY, 10);
  await assertFinished(whole);
  expect(total).toBeGreaterThan(15);

  for (let k = 1; k <= total; k++) {
    const account = await newAccount(2);
    await workUntil(account, k, 10);
    await workUntil(account, Number.POSITIVE_INFINITY, 10);
    await assertFinished(account);
  }
}, 120_000);

test('stopped again and again, at the repair too', async () => {
  const account = await newAccount(5);
  for (let k = 1; k <= 20; k++) await workUntil(account, k, 3);
  await workUntil(account, Number.POSITIVE_INFINITY, 3);
  await assertFinished(account);
  for (const { packageId } of await account.packages()) {
    await judgePackage(join(account.directory, 'evidence', packageId));
  }
}, 60_000);
