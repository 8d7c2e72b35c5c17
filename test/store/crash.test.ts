/**
 * A crash at every step. The steps of one run are each photographed: the files as a kill at that instant leaves them. Each
 * photograph is then opened, the work is done again, and what comes of it is what comes of a run without a crash.
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMailbox } from '../../src/store/catalog/mailboxes.ts';
import { setSetting, setting } from '../../src/store/catalog/settings.ts';
import { storeFlags } from '../../src/store/catalog/store-flags.ts';
import { expunge, move } from '../../src/store/catalog/transfer.ts';
import { deriveAccountKeys } from '../../src/store/crypto/account-keys.ts';
import { openKeyring } from '../../src/store/crypto/keyring.ts';
import type { AccountContext } from '../../src/store/database/context.ts';
import { accountDirectory } from '../../src/store/directory.ts';
import { fileBatch } from '../../src/store/ingest/commit.ts';
import { prepare } from '../../src/store/ingest/prepare.ts';
import { encodePrepared } from '../../src/store/ingest/prepared.ts';
import { backup } from '../../src/store/maintenance/backup.ts';
import { rekey } from '../../src/store/maintenance/rekey.ts';
import { restore } from '../../src/store/maintenance/restore.ts';
import { verifyAccount } from '../../src/store/maintenance/verify.ts';
import { conserveNext, sealPackage } from '../../src/store/queue/conserved.ts';
import { queued } from '../../src/store/queue/waiting.ts';
import { openAccount } from '../../src/store/shard/account.ts';
import { observeSteps } from '../../src/store/steps.ts';
import type { Filed, View } from '../../src/store/types.ts';
import { dump, rebuild, withDatabase } from './premises.ts';
import { ADDRESS, ARCHIVE, base64, INTAKE, message, noise, withAttachment } from './support.ts';

const KEY = new Uint8Array(32).fill(7);
const KEYS = deriveAccountKeys(KEY);
const AT = Date.UTC(2026, 10, 2);
const INBOX: View = { tree: 'local', name: 'INBOX' };

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'archivia-crash-'));
  // What is conserved is committed in groups of a tenth of a second: a slow run must not make more of them than another.
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  observeSteps(null);
  rmSync(place, { recursive: true, force: true });
});

interface Photograph<T> {
  readonly step: string;
  readonly directory: string;
  /** What had been acknowledged by then. */
  readonly acknowledged: readonly T[];
}

/** Runs `work`; photographs of `directory` at each step. */
async function photograph<T>(directory: string, work: (done: (one: T) => void) => unknown): Promise<Photograph<T>[]> {
  const photographs: Photograph<T>[] = [];
  const acknowledged: T[] = [];
  observeSteps(step => {
    const copy = join(place, `at-${photographs.length}`);
    cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
    photographs.push({ step, directory: copy, acknowledged: [...acknowledged] });
  });
  try {
    await work(one => acknowledged.push(one));
  } finally {
    observeSteps(null);
  }
  return photographs;
}

function accountAt(name: string): string {
  const directory = join(place, name);
  for (const inner of ['segments', 'spool', 'evidence/PdA-1']) mkdirSync(join(directory, inner), { recursive: true });
  writeFileSync(join(directory, 'evidence/PdA-1/PIndex.xml'), '<x/>');
  return directory;
}

function file(context: AccountContext, view: View, ...texts: string[]): Filed[] {
  const filing = { flags: [], internalDate: AT, origin: { direction: 'received', source: 'imap-append' } } as const;
  const requests = texts.map(text => ({
    view,
    filing,
    prepared: encodePrepared(prepare(Buffer.from(text), true)),
    place: true,
  }));
  return fileBatch(context, requests).map(outcome => {
    if (!('filed' in outcome)) throw new Error(outcome.failure.message);
    return outcome.filed;
  });
}

const ATTACHMENT = base64(noise(40_000, 5));

/** Each piece of work can be done again where it may have been the last one. */
const WORK: readonly ((context: AccountContext) => readonly Filed[])[] = [
  context => file(context, ARCHIVE, message('a1'), withAttachment('a2', ATTACHMENT)),
  context => file(context, INTAKE, withAttachment('i1', ATTACHMENT), message('i2'), message('a1')),
  context => {
    storeFlags(context, ARCHIVE, [1, 2], { action: 'add', flags: ['\\Flagged', 'Mia'] });
    storeFlags(context, ARCHIVE, [2], { action: 'add', flags: ['\\Deleted'] });
    expunge(context, ARCHIVE, null);
    return [];
  },
  context => file(context, ARCHIVE, message('a3')),
  context => {
    const waiting = queued(context, 10);
    const messages = waiting.map(({ message: handle, sha256 }) => ({ message: handle, sha256 }));
    if (messages.length > 0) sealPackage(context, { packageId: 'PdA-1', sealedAt: AT, messages });
    while (conserveNext(context, 'PdA-1'));
    return [];
  },
  context => {
    const present = context.sql("SELECT 1 FROM tree WHERE kind = 'local'").get();
    if (!present) createMailbox(context, 'INBOX');
    return [];
  },
  context => {
    move(context, ARCHIVE, [5], INBOX);
    return [];
  },
];

/** Goes on after what has been noted as done. */
function workAll(directory: string, done: (filed: Filed) => void = () => {}, keys = KEYS): void {
  const { context } = openAccount(ADDRESS, directory, keys);
  try {
    for (const [index, work] of WORK.entries()) {
      if (index < Number(setting(context, 'done') ?? 0)) continue;
      for (const filed of work(context)) done(filed);
      setSetting(context, 'done', String(index + 1));
    }
  } finally {
    context.close();
  }
}

/** Columns that tell when something was done, or where that put it. */
const WHEN =
  /^(at|hash|modseq|born|max_modseq|stored_at|save_date|orphaned_at|queued_at|requested_at|offset|uidvalidity|last|detail)$/;

function state(directory: string): unknown {
  const { context } = openAccount(ADDRESS, directory, KEYS);
  try {
    const rows = dump(context.db, ['ledger', 'segment', 'uidvalidity']);
    const told = (text: unknown): string =>
      JSON.stringify(Object.entries(JSON.parse(String(text))).filter(([column]) => !WHEN.test(column)));
    return Object.fromEntries(Object.entries(rows).map(([name, texts]) => [name, texts.map(told).sort()]));
  } finally {
    context.close();
  }
}

async function faults(directory: string, key: Uint8Array = KEY): Promise<unknown> {
  const verified = await verifyAccount({ address: ADDRESS, directory, dataKey: key, resume: false });
  return verified.damaged;
}

/** Digest of what a message's pieces give, by the digest that was acknowledged. */
function digestOf(context: AccountContext, sha256: string): string | undefined {
  const row = context
    .sql<{ recipe: Uint8Array; size: number }>('SELECT recipe, size FROM message WHERE sha256 = ?')
    .get(Buffer.from(sha256, 'hex'));
  return (
    row &&
    createHash('sha256')
      .update(context.pieces.range(row.recipe, 0, row.size))
      .digest('hex')
  );
}

describe('a crash at every step', () => {
  it('of filing, flags, conservation, moves and settings', { timeout: 240_000 }, async () => {
    const golden = accountAt('golden');
    workAll(golden);
    const expected = state(golden);
    const directory = accountAt('account');
    const photographs = await photograph<Filed>(directory, done => workAll(directory, done));
    expect(photographs.length).toBeGreaterThan(50);
    for (const [index, { step, directory: at, acknowledged }] of photographs.entries()) {
      const when = `step ${index}, ${step}`;
      const { context } = openAccount(ADDRESS, at, KEYS);
      for (const { sha256 } of acknowledged) expect(digestOf(context, sha256), when).toBe(sha256);
      context.close();
      workAll(at);
      expect(state(at), when).toEqual(expected);
      if (index % 5 === 0) expect(await faults(at), when).toEqual([]);
      rmSync(at, { recursive: true });
    }
  });

  it('in the middle of writing a batch, whatever of it has reached the disk', () => {
    const directory = accountAt('account');
    const { context } = openAccount(ADDRESS, directory, KEYS);
    file(context, ARCHIVE, message('prima'));
    context.close();
    const before = state(directory);
    const segment = join(directory, 'segments', '00000001.seg');
    const start = readFileSync(segment).length;
    const copy = join(place, 'copy');
    cpSync(directory, copy, { recursive: true });
    const again = openAccount(ADDRESS, copy, KEYS);
    file(again.context, ARCHIVE, message('dopo'), message('ancora'));
    again.context.close();
    const whole = readFileSync(join(copy, 'segments', '00000001.seg'));
    for (let length = start; length <= whole.length; length += 37) {
      writeFileSync(segment, whole.subarray(0, length));
      expect(state(directory), `${length} octets`).toEqual(before);
      expect(readFileSync(segment).length).toBe(start);
    }
    writeFileSync(segment, whole);
    expect(state(directory)).toEqual(before);
  });

  it('in the middle of writing the database’s log', { timeout: 120_000 }, () => {
    const directory = accountAt('account');
    const { context } = openAccount(ADDRESS, directory, KEYS);
    file(context, ARCHIVE, message('prima'));
    const copy = join(place, 'copy');
    cpSync(directory, copy, { recursive: true });
    file(context, ARCHIVE, message('dopo'));
    const later = join(place, 'later');
    cpSync(directory, later, { recursive: true });
    context.close();
    const log = readFileSync(join(later, 'account.db-wal'));
    const shorter = readFileSync(join(copy, 'account.db-wal')).length;
    const outcomes = new Set<number>();
    // The note beside the database is written after the commit only: not yet.
    cpSync(join(copy, 'ledger.head'), join(later, 'ledger.head'));
    for (let length = shorter; length <= log.length; length += 4099) {
      const torn = join(place, `torn-${length}`);
      cpSync(later, torn, { recursive: true });
      truncateSync(join(torn, 'account.db-wal'), length);
      const opened = openAccount(ADDRESS, torn, KEYS);
      outcomes.add(opened.context.sql<number>('SELECT count(*) FROM entry').pluck().get() ?? 0);
      opened.context.close();
      rmSync(torn, { recursive: true });
    }
    expect([...outcomes]).toContain(1);
    expect([...outcomes].every(count => count === 1 || count === 2)).toBe(true);
  });
});

describe('a data directory', () => {
  let dataDir: string;
  let dataKey: Uint8Array;
  let directory: string;
  beforeEach(async () => {
    dataDir = join(place, 'data');
    directory = accountDirectory(dataDir, ADDRESS);
    for (const inner of ['segments', 'spool', 'evidence/PdA-1']) mkdirSync(join(directory, inner), { recursive: true });
    writeFileSync(join(directory, 'evidence/PdA-1/PIndex.xml'), '<x/>');
    dataKey = await (await openKeyring(dataDir)).accountKey(directory, ADDRESS);
    workAll(directory, () => {}, deriveAccountKeys(dataKey));
  });

  it('opens with the configured key after a crash at every step of rekey, which then finishes', async () => {
    const { master } = await openKeyring(dataDir);
    const photographs = await photograph(dataDir, () => rekey({ dataDir, master }));
    expect(photographs.length).toBeGreaterThan(10);
    for (const { step, directory: at } of photographs) {
      const opened = await openKeyring(at);
      expect(await opened.accountKey(accountDirectory(at, ADDRESS), ADDRESS), step).toEqual(dataKey);
      await rekey({ dataDir: at, master: opened.master });
      const after = await openKeyring(at);
      expect(after.master.key.equals(master.key), step).toBe(false);
      expect(await after.accountKey(accountDirectory(at, ADDRESS), ADDRESS), step).toEqual(dataKey);
      await expect(openKeyring(at, { keyCommand: `echo ${master.key.toString('hex')}` })).rejects.toThrow(
        'not the one',
      );
    }
  });

  it('opens with the old or the new key after a crash at every step of rekey to a given key', async () => {
    const { master } = await openKeyring(dataDir);
    const given = join(place, 'given');
    writeFileSync(given, Buffer.alloc(32, 3));
    const photographs = await photograph(dataDir, () => rekey({ dataDir, master, newKeyFile: given }));
    for (const { step, directory: at } of photographs) {
      const opened = await openKeyring(at).catch(() => openKeyring(at, { keyFile: given }));
      await rekey({ dataDir: at, master: opened.master, newKeyFile: given });
      const after = await openKeyring(at, { keyFile: given });
      expect(await after.accountKey(accountDirectory(at, ADDRESS), ADDRESS), step).toEqual(dataKey);
      await expect(openKeyring(at), step).rejects.toThrow('not the one');
    }
  });

  it('is backed up again after a crash at every step of a backup', { timeout: 120_000 }, async () => {
    const keyring = await openKeyring(dataDir);
    const target = join(place, 'target');
    await backup({ dataDir, target, keyring });
    const first = join(place, 'first');
    cpSync(target, first, { recursive: true, preserveTimestamps: true });
    const { context } = openAccount(ADDRESS, directory, deriveAccountKeys(dataKey));
    file(context, ARCHIVE, message('dopo'), withAttachment('grande', base64(noise(30_000, 9))));
    storeFlags(context, ARCHIVE, [1], { action: 'add', flags: ['Nuova'] });
    context.close();
    const photographs = await photograph(target, () => backup({ dataDir, target, keyring }));
    expect(photographs.length).toBeGreaterThan(5);
    const segment = readFileSync(join(directory, 'segments', '00000001.seg'));
    for (const [index, { step, directory: at }] of photographs.entries()) {
      const when = `step ${index}, ${step}`;
      if (index % 4 === 0) {
        // What the interrupted run left can be restored: the state of the last backup, or the new one.
        const restored = join(place, `restored-${index}`);
        const options = { source: at, dataDir: restored, keySource: { keyFile: join(dataDir, 'master.key') } };
        const [outcome] = await restore({ ...options, threads: 1, logger: null });
        expect(outcome, when).toMatchObject({ lost: false, unreadable: [], droppedEntries: 0 });
        expect(await faults(accountDirectory(restored, ADDRESS), dataKey), when).toEqual([]);
      }
      await backup({ dataDir, target: at, keyring });
      const copied = readFileSync(join(accountDirectory(at, ADDRESS), 'segments', '00000001.seg'));
      expect(copied.equals(segment), when).toBe(true);
    }
  });

  it('can be rebuilt after a crash at every step of a rebuild', { timeout: 120_000 }, async () => {
    const before = await withDatabase(dataDir, db => dump(db));
    const photographs = await photograph(dataDir, () => rebuild(dataDir));
    expect(photographs.length).toBeGreaterThan(5);
    for (const { step, directory: at } of photographs) {
      // The old database, the new one, or none: never another.
      const account = accountDirectory(at, ADDRESS);
      try {
        openAccount(ADDRESS, account, deriveAccountKeys(dataKey)).context.close();
        expect(await withDatabase(at, db => dump(db)), step).toEqual(before);
      } catch (error) {
        expect(error, step).toMatchObject({ code: 'CORRUPTION' });
      }
      await rebuild(at);
      expect(await withDatabase(at, db => dump(db)), step).toEqual(before);
    }
  });
});
