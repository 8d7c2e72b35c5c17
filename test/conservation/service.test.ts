import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreError } from '../../src/store/types.ts';
import { MemoryAccount } from './support/account.ts';
import { startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

async function prepared(messages: number, address?: string) {
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory, address);
  for (let i = 1; i <= messages; i++) account.add(ordinaryMessage(i));
  return { directory, account };
}

test('a message that is not what was stored fails, is refused after three tries, and holds nothing up', async () => {
  const { directory, account } = await prepared(3);
  account.damage = (message, bytes) => {
    if (message !== 'm2') return bytes;
    const damaged = bytes.slice();
    damaged[3] = (damaged[3] ?? 0) ^ 1;
    return damaged;
  };
  const service = await startService(directory);
  await service.watch(account.store);
  await service.drain(account.address);
  expect((await account.packages()).flatMap(({ messages }) => messages.map(({ message }) => message))).toEqual([
    'm1',
    'm3',
  ]);
  expect(account.failures).toHaveLength(1);
  await service.drain(account.address);
  await service.drain(account.address);
  await service.drain(account.address);
  expect(account.failures.map(({ message, refused }) => ({ message, refused }))).toEqual([
    { message: 'm2', refused: false },
    { message: 'm2', refused: false },
    { message: 'm2', refused: true },
  ]);
  expect(account.failures[0]?.reason).toContain('impronta SHA-256');
  expect(account.held.get('m2')?.conserved).toBeNull();
});

test.each([
  ['a short one', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
  ['a longer one', (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from('x')])],
])('%s is not the message', async (_, change) => {
  const { directory, account } = await prepared(1);
  account.damage = (_message, bytes) => change(bytes);
  const service = await startService(directory);
  await service.watch(account.store);
  await service.drain(account.address);
  expect(account.failures).toHaveLength(1);
  expect(await account.packages()).toEqual([]);
});

test('damage that the store tells of is a failed check; a store that is busy is not', async () => {
  const { directory, account } = await prepared(2);
  const broken: { code: 'CORRUPTION' | 'UNAVAILABLE' } = { code: 'UNAVAILABLE' };
  account.damage = (message, bytes) => {
    if (message === 'm1') throw new StoreError(broken.code, 'no');
    return bytes;
  };
  const service = await startService(directory);
  await service.watch(account.store);
  await expect(service.drain(account.address)).rejects.toThrow(StoreError);
  expect(account.failures).toEqual([]);
  broken.code = 'CORRUPTION';
  await service.drain(account.address);
  expect(account.failures.map(({ message }) => message)).toEqual(['m1']);
  expect(account.held.get('m2')?.conserved).not.toBeNull();
});

test('a fault in the middle of a large message reaches the batch', async () => {
  const { directory, account } = await prepared(0);
  account.add(ordinaryMessage(1, 'riga\r\n'.repeat(400_000)));
  account.damage = (_, bytes, start) => {
    if (start > 0) throw new StoreError('CORRUPTION', 'no');
    return bytes;
  };
  const service = await startService(directory);
  await service.watch(account.store);
  await service.drain(account.address);
  expect(account.failures[0]?.reason).toContain('danneggiati');
});

test('messages that wait for another try do not hide those behind them', async () => {
  const { directory, account } = await prepared(6);
  account.damage = (message, bytes) => (['m1', 'm2', 'm3'].includes(message) ? bytes.subarray(1) : bytes);
  const service = await startService(directory, { batch: 2 });
  await service.watch(account.store);
  await service.drain(account.address);
  const conserved = [...account.held].filter(([, held]) => held.conserved !== null).map(([message]) => message);
  expect(conserved).toEqual(['m4', 'm5', 'm6']);
  expect(account.failures.map(({ message }) => message)).toEqual(['m1', 'm2', 'm3']);
});

test('batches have the configured size, and what is queued meanwhile is worked on without being asked', async () => {
  const { directory, account } = await prepared(5);
  const done = Promise.withResolvers<void>();
  const step = (name: string) => {
    if (name === 'reported' && account.held.size === 5) account.add(ordinaryMessage(6));
    if (name === 'closed' && [...account.held.values()].every(({ queued }) => !queued)) done.resolve();
  };
  const service = await startService(directory, { batch: 2 }, { step });
  await service.watch(account.store);
  await done.promise;
  expect((await account.packages()).map(({ messages }) => messages.length)).toEqual([2, 2, 2]);

  const again = Promise.withResolvers<void>();
  const { address } = account;
  await service.drain(address);
  account.on('change', () => again.resolve());
  account.add(ordinaryMessage(7));
  await again.promise;
  await service.drain(address);
  expect(account.held.get('m7')?.conserved).not.toBeNull();
});

test('accounts take turns', async () => {
  const directory = await temporaryDirectory();
  const accounts = ['a', 'b', 'c'].map(name => new MemoryAccount(join(directory, name), `${name}@pec.example.it`));
  for (const account of accounts) for (let i = 1; i <= 3; i++) account.add(ordinaryMessage(i));
  const service = await startService(directory, { batch: 1 });
  for (const account of accounts) await service.watch(account.store);
  await Promise.all(accounts.map(account => service.drain(account.address)));
  const order = (
    await Promise.all(
      accounts.map(async account => (await account.packages()).map(({ sealedAt }) => ({ account, sealedAt }))),
    )
  )
    .flat()
    .toSorted((a, b) => a.sealedAt - b.sealedAt)
    .map(({ account }) => account.address);
  expect(order).toHaveLength(9);
  // Nobody is served for the third time before everybody was served once.
  expect(new Set(order.slice(0, 6)).size).toBe(3);
});

test('stop leaves the queue as it is and lets go of the account', async () => {
  const { directory, account } = await prepared(3);
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const step = async (name: string) => {
    if (name !== 'stamped') return;
    reached.resolve();
    await release.promise;
    throw new Error('stopped here');
  };
  const service = await startService(directory, {}, { step });
  await service.watch(account.store);
  const drained = service.drain(account.address);
  drained.catch(() => {});
  await reached.promise;
  const stopped = service.stop();
  release.resolve();
  await stopped;
  await expect(drained).rejects.toThrow();
  expect(account.listeners).toBe(0);
  expect(await account.queued(10)).toHaveLength(3);
  await expect(service.drain(account.address)).rejects.toThrow(/stopped/);
});

test('drain wants a watched account', async () => {
  const service = await startService(await temporaryDirectory());
  await expect(service.drain('nobody@pec.example.it')).rejects.toThrow(/not watched/);
});

test('a sealed package that was damaged before it was applied is not applied', async () => {
  const { directory, account } = await prepared(2);
  const sealed = Promise.withResolvers<void>();
  const step = (name: string) => {
    if (name !== 'sealed') return;
    sealed.resolve();
    throw new Error('stopped here');
  };
  const first = await startService(directory, {}, { step });
  await first.watch(account.store);
  await sealed.promise;
  await first.stop();
  const packageId = await account.setting<string>('conservation.open');
  const path = join(await account.evidenceDirectory(packageId ?? ''), 'PIndex.xml');
  const index = await readFile(path);
  index[100] = (index[100] ?? 0) ^ 1;
  await writeFile(path, index);

  const second = await startService(directory);
  await second.watch(account.store);
  await expect(second.drain(account.address)).rejects.toThrow(/PIndex\.xml is not what was sealed/);
  expect(await account.packages()).toEqual([]);
  expect(await account.queued(10)).toHaveLength(2);
});

test('a message that is removed while its package is made does not keep the others from being conserved', async () => {
  const { directory, account } = await prepared(3);
  const step = (name: string) => {
    if (name === 'stamped') account.held.delete('m2');
  };
  const service = await startService(directory, {}, { step });
  await service.watch(account.store);
  await service.drain(account.address);
  expect([...account.held.values()].every(({ conserved }) => conserved !== null)).toBe(true);
  expect((await account.packages()).flatMap(({ messages }) => messages.map(({ message }) => message))).toEqual([
    'm1',
    'm3',
  ]);
  expect(account.reports).toHaveLength(1);
});
