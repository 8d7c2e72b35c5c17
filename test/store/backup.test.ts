import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeyring } from '../../src/store/crypto/keyring.ts';
import { accountDirectory } from '../../src/store/directory.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { type AccountBackup, backup } from '../../src/store/maintenance/backup.ts';
import { restore } from '../../src/store/maintenance/restore.ts';
import { verifyAccount } from '../../src/store/maintenance/verify.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { dataKeyOf, segmentFiles } from './premises.ts';
import {
  ADDRESS,
  ARCHIVE,
  type Bench,
  base64,
  bench,
  conserveAll,
  INTAKE,
  message,
  noise,
  put,
  readAll,
  withAttachment,
} from './support.ts';

let b: Bench;
let place: TemporaryDirectory;
let target: string;
beforeEach(async () => {
  b = await bench();
  place = await temporaryDirectory('backup');
  target = join(place.path, 'backup');
});
afterEach(async () => {
  await b.end();
  await place.remove();
});

async function run(): Promise<AccountBackup> {
  const [outcome] = await backup({ dataDir: b.directory, target, keyring: await openKeyring(b.directory) });
  if (!outcome) throw new Error('no account');
  return outcome;
}

/** Restores into a directory of its own, with the same master key. */
async function bring(name = 'elsewhere'): Promise<string> {
  const dataDir = join(place.path, name);
  mkdirSync(dataDir, { recursive: true });
  cpSync(join(b.directory, 'master.key'), join(dataDir, 'master.key'));
  await restore({ source: target, dataDir, keySource: {}, threads: 1, logger: null });
  return dataDir;
}

async function within<T>(dataDir: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(dataDir);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

describe('a backup', () => {
  it('taken while messages come in is a prefix of what came in', async () => {
    const filed: { uid: number; sha256: string }[] = [];
    let going = true;
    const lane = async (seed: number): Promise<void> => {
      for (let index = 0; going; index++) {
        const raw = withAttachment(`${seed}-${index}`, base64(noise(20_000, seed * 1000 + index)));
        const { uid, sha256 } = await put(b.account, ARCHIVE, raw);
        filed.push({ uid, sha256 });
        if (index % 3 === 0) await b.account.storeFlags(ARCHIVE, [uid], { action: 'add', flags: ['\\Flagged'] });
      }
    };
    const lanes = [lane(1), lane(2)];
    while (filed.length < 10) await put(b.account, INTAKE, message(`i${filed.length}`));
    const before = filed.length;
    const outcomes = [await run()];
    while (filed.length < before + 10) await put(b.account, INTAKE, message(`j${filed.length}`));
    outcomes.push(await run());
    going = false;
    await Promise.all(lanes);
    expect(outcomes.map(({ damaged }) => damaged)).toEqual([[], []]);
    expect(outcomes[1]?.seq).toBeGreaterThan(outcomes[0]?.seq ?? 0);
    expect(outcomes[1]?.copiedBytes).toBeLessThan(outcomes[1]?.totalBytes ?? 0);

    const dataDir = await bring();
    const live = new Map(filed.map(({ uid, sha256 }) => [uid, sha256]));
    await within(dataDir, async store => {
      const account = await store.account(ADDRESS);
      const { uids } = await account.open(ARCHIVE, { readOnly: true });
      expect(uids.length).toBeGreaterThanOrEqual(before + 5);
      // UIDs are given in order: a prefix has no holes.
      expect([...uids]).toEqual(Array.from(uids, (_uid, index) => index + 1));
      const rows = await account.fetch(ARCHIVE, [...uids], { columns: ['size'], sections: [], markSeen: false });
      for (const { uid, message: handle, size } of rows) {
        const raw = await readAll(account, handle, size);
        const sha256 = createHash('sha256').update(raw).digest('hex');
        if (live.has(uid)) expect(sha256).toBe(live.get(uid));
        else expect((await account.record(handle)).sha256).toBe(sha256);
      }
    });
    const directory = accountDirectory(dataDir, ADDRESS);
    const verified = await verifyAccount({
      address: ADDRESS,
      directory,
      dataKey: await dataKeyOf(dataDir),
      resume: false,
    });
    expect(verified.damaged).toEqual([]);
  });

  it('brings back trees, flags, UIDs, evidence and search under new UIDVALIDITYs', async () => {
    await put(b.account, ARCHIVE, message('uno', { subject: 'perché' }), { flags: ['Mia'] });
    await put(b.account, INTAKE, message('due'));
    await conserveAll(b.account, 'PdA-1');
    await put(b.account, ARCHIVE, message('tre'));
    await b.account.storeFlags(ARCHIVE, [3], { action: 'add', flags: ['\\Deleted'] });
    await b.account.expunge(ARCHIVE, null);
    await run();
    const views = await b.account.listViews();
    const before = await b.account.status(views.map(({ view }) => view));
    const flags = await b.account.fetch(ARCHIVE, [1, 2], {
      columns: ['flags', 'saveDate'],
      sections: [],
      markSeen: false,
    });
    const dataDir = await bring();
    await within(dataDir, async store => {
      const account = await store.account(ADDRESS);
      expect(await account.listViews()).toEqual(views);
      const after = await account.status(views.map(({ view }) => view));
      const plain = (statuses: typeof after): object[] =>
        statuses.map(({ uidValidity, mailboxId, ...rest }) => ({
          ...rest,
          known: uidValidity > 0 && mailboxId !== '',
        }));
      expect(plain(after)).toEqual(plain(before));
      for (const [index, { uidValidity }] of after.entries()) {
        expect(uidValidity).toBeGreaterThan(before[index]?.uidValidity ?? 0);
      }
      expect(
        await account.fetch(ARCHIVE, [1, 2], { columns: ['flags', 'saveDate'], sections: [], markSeen: false }),
      ).toEqual(flags);
      expect([...(await account.search(ARCHIVE, { op: 'subject', needle: 'PERCHE' }))]).toEqual([1]);
      expect(readdirSync(await account.evidenceDirectory('PdA-1'))).toEqual(['PIndex.xml']);
      expect((await put(account, ARCHIVE, message('quattro'))).uid).toBe(4);
    });
  });

  it('holds no key that opens it, and neither text nor database', async () => {
    await put(b.account, ARCHIVE, message('segreto', { body: 'testo segretissimo '.repeat(100) }));
    await run();
    const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    expect(files.map(({ name }) => name).sort()).toEqual([
      '00000001.seg',
      'account.key',
      'backup.json',
      'backup.state',
      'vault.key',
    ]);
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name)).includes('segretissimo')).toBe(false);
    }
  });

  it('copies nothing twice, and all anew where the account is another one', async () => {
    await put(b.account, ARCHIVE, withAttachment('uno', base64(noise(50_000, 1))));
    const first = await run();
    expect(first.copiedBytes).toBe(first.totalBytes);
    expect(await run()).toMatchObject({ seq: first.seq, copiedBytes: 0, totalBytes: first.totalBytes });
    await put(b.account, ARCHIVE, message('due'));
    expect((await run()).copiedBytes).toBeLessThan(5000);
    // The same account, begun anew with other keys.
    await b.store.close();
    rmSync(b.account.directory, { recursive: true });
    b.store = await openStore(b.directory);
    b.account = await b.store.account(ADDRESS, { create: true });
    await put(b.account, ARCHIVE, message('altro'));
    const anew = await run();
    expect(anew.copiedBytes).toBe(anew.totalBytes);
    const dataDir = await bring();
    await within(dataDir, async store => {
      expect((await (await store.account(ADDRESS)).status([ARCHIVE]))[0]?.messages).toBe(1);
    });
  });

  it('tells damage of the original, and goes on', async () => {
    await put(b.account, ARCHIVE, withAttachment('uno', base64(noise(50_000, 1))));
    await put(b.account, ARCHIVE, message('due'));
    await b.store.close();
    const [file = ''] = segmentFiles(b.directory);
    const octets = readFileSync(file);
    octets.fill(0, 20_000, 20_010);
    writeFileSync(file, octets);
    const outcome = await run();
    expect(outcome.damaged).toHaveLength(1);
    expect(outcome.totalBytes).toBe(octets.length);
    b.store = await openStore(b.directory);
  });

  it('leaves a torn tail behind', async () => {
    await put(b.account, ARCHIVE, message('uno'));
    await b.store.close();
    const [file = ''] = segmentFiles(b.directory);
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.concat([whole, whole.subarray(0, 100), Buffer.alloc(5000, 7)]));
    expect(await run()).toMatchObject({ totalBytes: whole.length, damaged: [] });
    b.store = await openStore(b.directory);
  });
});

describe('restore', () => {
  it('wants an empty directory, a complete backup and the right key', async () => {
    await put(b.account, ARCHIVE, message('uno'));
    await run();
    const options = { source: target, keySource: {}, threads: 1, logger: null };
    await expect(restore({ ...options, dataDir: b.directory })).rejects.toThrow('is not empty (accounts');
    const fresh = join(place.path, 'fresh');
    await expect(restore({ ...options, dataDir: fresh })).rejects.toThrow('no longer there');
    expect(existsSync(join(fresh, 'accounts'))).toBe(false);
    expect(existsSync(join(fresh, 'master.key'))).toBe(false);
    writeFileSync(join(fresh, 'master.key'), Buffer.alloc(32, 9));
    await expect(restore({ ...options, dataDir: fresh })).rejects.toThrow('is not the one');
    cpSync(join(b.directory, 'master.key'), join(fresh, 'master.key'));
    rmSync(join(target, 'backup.json'));
    await expect(restore({ ...options, dataDir: fresh })).rejects.toThrow('holds no complete backup');
    await run();
    expect(await restore({ ...options, dataDir: fresh })).toMatchObject([
      { messages: 1, lost: false, renumbered: true },
    ]);
  });
});
