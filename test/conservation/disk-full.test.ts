import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { MemoryAccount } from './support/account.ts';
import { judgePackage, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

/** Files that still fit on the disk; the next one is cut in its middle. */
const room = vi.hoisted(() => ({ files: Number.POSITIVE_INFINITY }));

vi.mock('node:fs/promises', async original => {
  const promises = await original<typeof import('node:fs/promises')>();
  return {
    ...promises,
    async open(...parameters: Parameters<typeof promises.open>) {
      const handle = await promises.open(...parameters);
      if (parameters[1] !== 'w') return handle;
      const writeFile = handle.writeFile.bind(handle);
      handle.writeFile = async (content, options) => {
        if (room.files-- > 0) return writeFile(content, options);
        await writeFile(Buffer.from(content as Uint8Array).subarray(0, 10));
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      };
      return handle;
    },
  };
});

test('a disk that is full at any file of a package loses nothing, and no message pays for it', async () => {
  const account = new MemoryAccount(await temporaryDirectory());
  const service = await startService(account.directory);
  await service.watch(account.store);
  await service.drain(account.address);
  const outcomes: (string | undefined)[] = [];
  // Twelve files and the seal: at the first ones, in the middle, at the seal, and when all of them fit.
  for (const fitting of [0, 1, 6, 12, 13]) {
    account.add(ordinaryMessage(fitting));
    room.files = fitting;
    const outcome = await service.drain(account.address).then(
      () => 'done',
      (error: NodeJS.ErrnoException) => error.code,
    );
    outcomes.push(outcome);
    room.files = Number.POSITIVE_INFINITY;
    if (outcome === 'ENOSPC') expect((await account.queued(10)).map(({ attempts }) => attempts)).toEqual([0]);
    await service.drain(account.address);
    expect(await account.queued(10)).toEqual([]);
  }
  expect(outcomes).toEqual(['ENOSPC', 'ENOSPC', 'ENOSPC', 'ENOSPC', 'done']);
  expect(account.failures).toEqual([]);
  const packages = await account.packages();
  expect(packages.flatMap(({ messages }) => messages)).toHaveLength(outcomes.length);
  expect(account.reports).toHaveLength(packages.length);
  const directories = await readdir(join(account.directory, 'evidence'));
  expect(directories.toSorted()).toEqual(packages.map(({ packageId }) => packageId).toSorted());
  await judgePackage(join(account.directory, 'evidence', packages[0]?.packageId ?? ''));
});
