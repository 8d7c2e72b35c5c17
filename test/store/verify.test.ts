import { cpSync, existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3-multiple-ciphers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountDirectory } from '../../src/store/directory.ts';
import { type Verification, verifyAccount } from '../../src/store/maintenance/verify.ts';
import type { PieceRow } from '../../src/store/segment/pieces.ts';
import { dataKeyOf, segmentFiles, withDatabase } from './premises.ts';
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
  withAttachment,
} from './support.ts';

let b: Bench;
let directory: string;
beforeEach(async () => {
  b = await bench();
  directory = b.account.directory;
  await put(b.account, ARCHIVE, withAttachment('uno', base64(noise(60_000, 1))));
  await put(b.account, ARCHIVE, withAttachment('due', base64(noise(60_000, 2))));
  await put(b.account, INTAKE, message('tre'));
  await conserveAll(b.account, 'PdA-1');
});
afterEach(() => b.end());

async function verify(resume = false, threads = 0): Promise<Verification> {
  await b.store.close();
  const dataKey = await dataKeyOf(b.directory);
  const account = { address: ADDRESS, directory: accountDirectory(b.directory, ADDRESS), dataKey };
  return verifyAccount({ ...account, resume, threads });
}

const kinds = ({ damaged }: Verification): string[] => [...new Set(damaged.map(({ kind }) => kind))].sort();

/** Changes the segment's octets. */
async function change(work: (octets: Buffer) => void): Promise<void> {
  await b.store.close();
  const [file = ''] = segmentFiles(b.directory);
  const octets = readFileSync(file);
  work(octets);
  writeFileSync(file, octets);
}

/** Records of the large attachments. */
async function pieces(): Promise<PieceRow[]> {
  await b.store.close();
  return withDatabase(b.directory, db =>
    db.prepare<[], PieceRow>('SELECT * FROM piece WHERE length > 50000 ORDER BY id').all(),
  );
}

async function edit(work: (db: Database.Database) => void): Promise<void> {
  await b.store.close();
  await withDatabase(b.directory, db => {
    db.pragma('foreign_keys = OFF');
    work(db);
  });
}

describe('verify', () => {
  it('finds nothing in a sound account, and leaves it as it is', async () => {
    expect(await verify()).toMatchObject({ messages: 3, damageCount: 0, damaged: [] });
    expect(await verify(true)).toMatchObject({ messages: 3, damageCount: 0 });
    await b.reopen();
    expect((await b.account.status([ARCHIVE]))[0]?.messages).toBe(3);
  });

  it('names a flipped bit, and the message that it hits', async () => {
    const [row] = await pieces();
    await change(octets => {
      const at = (row?.offset ?? 0) + 5000;
      octets[at] = (octets[at] ?? 0) ^ 1;
    });
    const outcome = await verify();
    expect(kinds(outcome)).toEqual(['flipped', 'message']);
    expect(outcome.damaged.find(({ kind }) => kind === 'message')).toMatchObject({
      tree: 'archive',
      uid: 1,
      message: 'M1',
    });
  });

  it('names every flipped octet of the whole segment', async () => {
    await b.store.close();
    const [file = ''] = segmentFiles(b.directory);
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 25)) {
      const octets = Buffer.from(whole);
      octets[at] = (octets[at] ?? 0) ^ 0x10;
      writeFileSync(file, octets);
      expect((await verify()).damageCount, `octet ${at}`).toBeGreaterThan(0);
    }
    writeFileSync(file, whole);
    expect((await verify()).damageCount).toBe(0);
  });

  it('tells swapped records from flipped ones', async () => {
    const [one, two] = await pieces();
    expect(one?.stored).toBe(two?.stored);
    await change(octets => {
      const size = 20 + (one?.stored ?? 0);
      const [a, c] = [one?.offset ?? 0, two?.offset ?? 0];
      const first = Buffer.from(octets.subarray(a, a + size));
      octets.copyWithin(a, c, c + size);
      first.copy(octets, c);
    });
    const outcome = await verify();
    expect(kinds(outcome)).toEqual(['message', 'swapped']);
    expect(outcome.damaged[0]?.reason).toContain(`at ${two?.offset} lies there`);
    await b.reopen();
    await expect(b.account.read('M1', 0, 80_000)).rejects.toMatchObject({ code: 'CORRUPTION' });
  });

  it('names what is truncated and what is missing', async () => {
    await b.store.close();
    const [file = ''] = segmentFiles(b.directory);
    const whole = readFileSync(file);
    truncateSync(file, 30_000);
    expect(kinds(await verify())).toEqual(expect.arrayContaining(['truncated', 'message']));
    rmSync(file);
    expect(kinds(await verify())).toEqual(expect.arrayContaining(['missing', 'message']));
    writeFileSync(file, whole);
    expect((await verify()).damageCount).toBe(0);
  });

  it('names an old database beside newer segments, and the store does not open it', async () => {
    await b.store.close();
    const old = readFileSync(join(directory, 'account.db'));
    await b.reopen();
    await put(b.account, ARCHIVE, message('quattro'));
    await put(b.account, ARCHIVE, message('cinque'));
    await b.store.close();
    writeFileSync(join(directory, 'account.db'), old);
    expect(kinds(await verify())).toEqual(['rolled-back']);
    await expect(b.reopen()).rejects.toMatchObject({ code: 'CORRUPTION' });
    // Without the note beside the database as well, where it is two transactions behind.
    rmSync(join(directory, 'ledger.head'));
    expect(kinds(await verify())).toEqual(['rolled-back']);
  });

  it('names old segments beside a newer database', async () => {
    await b.store.close();
    cpSync(join(directory, 'segments'), join(directory, 'old'), { recursive: true });
    await b.reopen();
    await b.account.storeFlags(ARCHIVE, [1], { action: 'add', flags: ['\\Flagged'] });
    await b.store.close();
    rmSync(join(directory, 'segments'), { recursive: true });
    renameSync(join(directory, 'old'), join(directory, 'segments'));
    const outcome = await verify();
    expect(kinds(outcome)).toEqual(expect.arrayContaining(['rolled-back', 'truncated']));
    // What is there is served, and the ledger begins anew in a file of its own.
    await b.reopen();
    await put(b.account, ARCHIVE, message('cinque'));
    await b.store.close();
    expect(segmentFiles(b.directory)).toHaveLength(2);
  });

  it('names damaged pages of the database', async () => {
    await b.store.close();
    const path = join(directory, 'account.db');
    const whole = readFileSync(path);
    let found = 0;
    for (const page of [0, 3, 7, 12, 20]) {
      if (page * 16_384 >= whole.length) continue;
      const octets = Buffer.from(whole);
      octets[page * 16_384 + 100] = (octets[page * 16_384 + 100] ?? 0) ^ 1;
      writeFileSync(path, octets);
      expect(kinds(await verify()), `page ${page}`).toContain('database');
      found += 1;
    }
    expect(found).toBeGreaterThan(3);
    writeFileSync(path, '');
    expect((await verify()).damageCount).toBe(1);
    rmSync(path);
    expect(kinds(await verify())).toEqual(['missing']);
  });

  it('names rows without what they refer to, and wrong counters', async () => {
    await edit(db => {
      db.exec('DROP TRIGGER entry_changed');
      db.exec('UPDATE leaf SET messages = messages + 1 WHERE id = (SELECT leaf FROM entry LIMIT 1)');
      db.exec('UPDATE entry SET message = 99 WHERE uid = 1');
      db.exec('DELETE FROM structure WHERE message = 2');
      db.exec('DELETE FROM piece WHERE id = (SELECT max(id) FROM piece)');
      db.exec(
        `INSERT INTO piece (id, sha256, segment, offset, scheme, length, stored)
         SELECT 99, sha256, segment, offset, scheme, length, stored FROM piece WHERE id = 1`,
      );
    });
    const outcome = await verify();
    expect(kinds(outcome)).toEqual(['counter', 'message', 'row']);
    const texts = outcome.damaged.map(({ where, reason }) => `${where}: ${reason}`).join('\n');
    expect(texts).toMatch(/^entry 1\/1: no message 99$/m);
    expect(texts).toMatch(/^message 2: no structure$/m);
    expect(texts).toMatch(/^piece 99: the same as piece 1$/m);
    expect(texts).toMatch(/of its recipe is unknown$/m);
    expect(texts).toMatch(/^leaf \d+ messages: is \d, should be \d$/m);
  });

  it('names missing evidence and a recipe that gives another message', async () => {
    rmSync(join(directory, 'evidence', 'PdA-1'), { recursive: true });
    await edit(db => db.exec('UPDATE message SET sha256 = zeroblob(32) WHERE id = 1'));
    expect(kinds(await verify())).toEqual(['evidence', 'message']);
  });

  it('tells the same when other threads read', async () => {
    const inOrder = ({ damaged, ...rest }: Verification) => ({
      ...rest,
      damaged: damaged.map(damage => JSON.stringify(damage)).sort(),
    });
    const alike = async (wanted: string[]) => {
      const outcome = await verify(false, 2);
      expect(kinds(outcome)).toEqual(wanted);
      expect(inOrder(outcome)).toEqual(inOrder(await verify()));
    };
    await alike([]);
    const [row] = await pieces();
    rmSync(join(directory, 'evidence', 'PdA-1'), { recursive: true });
    await edit(db => db.exec('DELETE FROM structure WHERE message = 2'));
    await change(octets => {
      const at = (row?.offset ?? 0) + 5000;
      octets[at] = (octets[at] ?? 0) ^ 1;
    });
    await alike(['evidence', 'flipped', 'message', 'row']);
    const path = join(directory, 'account.db');
    const octets = readFileSync(path);
    for (let page = 2; page * 16_384 < octets.length; page += 2) octets[page * 16_384 + 100] = 0xff;
    writeFileSync(path, octets);
    expect(kinds(await verify(false, 2))).toContain('database');
  });

  it('says nothing of what it remembers when it is done', async () => {
    await verify();
    expect(existsSync(join(directory, 'verify.progress'))).toBe(false);
  });

  it('goes on where it was interrupted', async () => {
    await b.store.close();
    const note = {
      message: 2,
      messages: 2,
      octets: 10,
      piece: 0,
      damageCount: 1,
      damaged: [{ kind: 'row', where: 'x', reason: 'y' }],
    };
    writeFileSync(join(directory, 'verify.progress'), JSON.stringify(note));
    expect(await verify(true)).toMatchObject({ messages: 3, damageCount: 1, damaged: note.damaged });
    expect(await verify(true)).toMatchObject({ messages: 3, damageCount: 0 });
  });
});
