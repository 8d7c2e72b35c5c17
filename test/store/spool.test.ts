import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSpool } from '../../src/store/crypto/spool-cipher.ts';
import { openStore } from '../../src/store/index.ts';
import { MessageSpool, SpoolMemory } from '../../src/store/ingest/spool.ts';
import { SPOOL_MEMORY_BYTES, SPOOLED_IN_MEMORY_BYTES, WARM_ACCOUNTS } from '../../src/store/limits.ts';
import { temporaryDirectory } from '../support/temp.ts';
import { ADDRESS, ARCHIVE, message, put } from './support.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
const waiting = (): Promise<string[]> => readdir(join(directory.path, 'spool'));

beforeAll(async () => {
  directory = await temporaryDirectory('spool');
  await mkdir(join(directory.path, 'spool'));
});
afterAll(() => directory.remove());

describe('a message on its way in', () => {
  it('stays in memory while it is small, whatever becomes of the buffers that it came in', async () => {
    const spool = new MessageSpool(directory.path, new SpoolMemory());
    const chunk = Buffer.from('uno ');
    await spool.write(chunk);
    chunk.fill('x');
    await spool.write(Buffer.from('due'));
    await spool.end();
    const given = spool.octets();
    expect('octets' in given && Buffer.from(given.octets).toString()).toBe('uno due');
    expect(await waiting()).toEqual([]);
  });

  it('goes to a file, sealed and in order, when it outgrows its place there', async () => {
    const memory = new SpoolMemory();
    const spool = new MessageSpool(directory.path, memory);
    const octets = Buffer.alloc(SPOOLED_IN_MEMORY_BYTES + 10, 'segreto ');
    await Promise.all([spool.write(octets.subarray(0, 1000)), spool.write(octets.subarray(1000))]);
    await spool.end();
    const given = spool.octets();
    if (!('path' in given)) throw new Error('in memory');
    const sealed = await readFile(given.path);
    expect(sealed.includes('segreto')).toBe(false);
    expect(openSpool(given.key).update(sealed).equals(octets)).toBe(true);
    // What it held in memory is free again.
    expect(memory.take(SPOOL_MEMORY_BYTES)).toBe(true);
    await spool.discard();
    expect(await waiting()).toEqual([]);
  });

  it('goes to a file when others have taken the memory, and gives its own back when discarded', async () => {
    const memory = new SpoolMemory();
    const first = new MessageSpool(directory.path, memory);
    await first.write(Buffer.from('uno'));
    // All but what the first one costs, and a little.
    expect(memory.take(SPOOL_MEMORY_BYTES - 300)).toBe(true);
    const second = new MessageSpool(directory.path, memory);
    await second.write(Buffer.from('due'));
    expect(await waiting()).toHaveLength(1);
    await second.discard();
    await first.discard();
    expect(await waiting()).toEqual([]);
    expect(memory.take(300)).toBe(true);
    expect(memory.take(1)).toBe(false);
  });
});

it('accounts that others have pushed out of memory go on as before', async () => {
  const data = await temporaryDirectory('warm');
  const store = await openStore(data.path, { threads: 1 });
  try {
    const account = await store.account(ADDRESS, { create: true });
    await put(account, ARCHIVE, message('prima'));
    for (let index = 0; index < WARM_ACCOUNTS; index++) {
      await store.account(`casella-${index}@pec.example.it`, { create: true });
    }
    await put(account, ARCHIVE, message('dopo'));
    const [status] = await account.status([ARCHIVE]);
    expect(status?.messages).toBe(2);
  } finally {
    await store.close();
    await data.remove();
  }
});
