/** Space given back: what must go goes, what must stay stays, also after a crash at every step of it. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeFlags } from '../../src/store/catalog/store-flags.ts';
import { expunge } from '../../src/store/catalog/transfer.ts';
import { deriveAccountKeys } from '../../src/store/crypto/account-keys.ts';
import { openKeyring } from '../../src/store/crypto/keyring.ts';
import type { AccountContext } from '../../src/store/database/context.ts';
import { accountDirectory } from '../../src/store/directory.ts';
import { fileBatch } from '../../src/store/ingest/commit.ts';
import { prepare } from '../../src/store/ingest/prepare.ts';
import { encodePrepared } from '../../src/store/ingest/prepared.ts';
import { backup } from '../../src/store/maintenance/backup.ts';
import { restore } from '../../src/store/maintenance/restore.ts';
import { verifyAccount } from '../../src/store/maintenance/verify.ts';
import { openAccount } from '../../src/store/shard/account.ts';
import { purgeOrphans } from '../../src/store/space/purge.ts';
import { moveNext, stripSegment, wastefulSegments } from '../../src/store/space/segments.ts';
import { markPieces, sweepPieces } from '../../src/store/space/sweep.ts';
import { observeSteps } from '../../src/store/steps.ts';
import { dataKeyOf, dump, rebuild, withDatabase } from './premises.ts';
import {
  ADDRESS,
  ARCHIVE,
  base64,
  bench,
  CONSERVATION,
  INTAKE,
  message,
  noise,
  put,
  readAll,
  withAttachment,
} from './support.ts';

const KEY = new Uint8Array(32).fill(7);
/** Attachments are read for SEARCH meanwhile, and a rebuilt database begins with that anew. */
const AS_IT_IS = ['segment', 'text', 'unreadable'];
const SHARED = base64(noise(60_000, 1));

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'archivia-space-'));
});
afterEach(() => {
  observeSteps(null);
  rmSync(place, { recursive: true, force: true });
});

describe('compaction', () => {
  it('frees what was expunged everywhere, and nothing else', { timeout: 60_000 }, async () => {
    const b = await bench();
    try {
      const raws = new Map<string, Buffer>();
      const file = async (view: typeof ARCHIVE, text: string) => {
        const raw = Buffer.from(text);
        const filed = await put(b.account, view, raw);
        raws.set(filed.message, raw);
        return filed;
      };
      const gone = await file(ARCHIVE, withAttachment('gone', base64(noise(400_000, 2))));
      const sharing = await file(ARCHIVE, withAttachment('sharing', SHARED));
      const kept = await file(ARCHIVE, withAttachment('kept', SHARED));
      const conserved = await file(INTAKE, withAttachment('conserved', base64(noise(30_000, 3))));
      const spool = await b.account.spool();
      await spool.write(Buffer.from(message('held')));
      const held = await b.account.hold(ARCHIVE, spool, {
        flags: [],
        origin: { direction: 'received', source: 'imap-append' },
      });
      const newest = await file(ARCHIVE, message('newest'));
      const evidence = await b.account.evidenceDirectory('PdA-1');
      writeFileSync(join(evidence, 'PIndex.xml'), '<x/>');
      const messages = [{ message: conserved.message, sha256: conserved.sha256 }];
      await b.account.conserved({ packageId: 'PdA-1', sealedAt: 1, messages });
      const uids = [gone.uid, sharing.uid];
      await b.account.storeFlags(ARCHIVE, uids, { action: 'add', flags: ['\\Deleted'] });
      await b.account.expunge(ARCHIVE, uids);

      expect(await b.account.compact()).toEqual({ freedBytes: 0 });
      const copy = join(place, 'copy');
      await backup({ dataDir: b.directory, target: copy, keyring: await openKeyring(b.directory) });
      expect(await readAll(b.account, gone.message, raws.get(gone.message)?.length ?? 0)).toEqual(
        raws.get(gone.message),
      );
      const { freedBytes } = await b.account.compact({ graceMs: 0, leastBytes: 1 });
      expect(freedBytes).toBeGreaterThan(350_000);
      const journal = await b.account.journalHead();
      expect(await b.account.compact({ graceMs: 0, leastBytes: 1 })).toEqual({ freedBytes: 0 });
      expect(await b.account.journalHead()).toEqual(journal);
      await expect(b.account.record(gone.message)).rejects.toMatchObject({ code: 'NONEXISTENT' });
      for (const { message: handle } of [kept, conserved, newest]) {
        expect(await readAll(b.account, handle, raws.get(handle)?.length ?? 0)).toEqual(raws.get(handle));
      }
      expect((await b.account.open(CONSERVATION, { readOnly: true })).messages).toBe(1);
      // The held one had no folder either: its time was over.
      await expect(b.account.fileHeld(ARCHIVE, [held])).rejects.toMatchObject({ code: 'NONEXISTENT' });
      // What was removed comes back as a new message, under a number of its own.
      const again = await put(b.account, ARCHIVE, raws.get(gone.message) ?? '');
      expect([gone, sharing, kept, conserved, newest].map(filed => filed.message)).not.toContain(again.message);
      await b.reopen();
      expect(await readAll(b.account, again.message, raws.get(gone.message)?.length ?? 0)).toEqual(
        raws.get(gone.message),
      );

      await b.store.close();
      const directory = accountDirectory(b.directory, ADDRESS);
      const verified = await verifyAccount({
        address: ADDRESS,
        directory,
        dataKey: await dataKeyOf(b.directory),
        resume: false,
      });
      expect(verified.damaged).toEqual([]);
      // A copy that was begun before goes on after, and is as good.
      await backup({ dataDir: b.directory, target: copy, keyring: await openKeyring(b.directory) });
      const restored = join(place, 'restored');
      mkdirSync(restored);
      cpSync(join(b.directory, 'master.key'), join(restored, 'master.key'));
      const [account] = await restore({ source: copy, dataDir: restored, keySource: {}, threads: 1, logger: null });
      expect(account).toMatchObject({ lost: false, unreadable: [], messages: 4 });
      const before = await withDatabase(b.directory, db => dump(db, AS_IT_IS));
      await rebuild(b.directory);
      expect(await withDatabase(b.directory, db => dump(db, AS_IT_IS))).toEqual(before);
    } finally {
      await b.end();
    }
  });

  it('can be interrupted at every step', { timeout: 60_000 }, async () => {
    const directory = join(place, 'account');
    for (const inner of ['segments', 'spool', 'evidence']) mkdirSync(join(directory, inner), { recursive: true });
    const { context } = openAccount(ADDRESS, directory, deriveAccountKeys(KEY));
    const texts = [1, 2, 3, 4].map(n => withAttachment(String(n), base64(noise(30_000, n))));
    file(context, ...texts, message('last'));
    storeFlags(context, ARCHIVE, [1, 3], { action: 'add', flags: ['\\Deleted'] });
    expunge(context, ARCHIVE, null);
    const photographs: { step: string; at: string }[] = [];
    observeSteps(step => {
      const at = join(place, `at-${photographs.length}`);
      cpSync(directory, at, { recursive: true, preserveTimestamps: true });
      photographs.push({ step, at });
    });
    compactAll(context);
    observeSteps(null);
    context.close();
    const size = octetsIn(directory);
    expect(size).toBeLessThan(80_000);
    expect(photographs.length).toBeGreaterThan(12);
    const expected = [2, 4].map(n => texts[n - 1] ?? '').concat(message('last'));
    for (const [index, { step, at }] of photographs.entries()) {
      const when = `step ${index}, ${step}`;
      const opened = openAccount(ADDRESS, at, deriveAccountKeys(KEY));
      expect(opened.repair.short, when).toEqual([]);
      expect(digests(opened.context), when).toEqual(expect.arrayContaining(expected.map(sha256)));
      compactAll(opened.context);
      expect(digests(opened.context), when).toEqual(expected.map(sha256).sort());
      file(opened.context, message('after'));
      opened.context.close();
      expect(octetsIn(at), when).toBeLessThan(size + 12_000);
      const verified = await verifyAccount({ address: ADDRESS, directory: at, dataKey: KEY, resume: false });
      expect(verified.damaged, when).toEqual([]);
    }
  });
});

function file(context: AccountContext, ...texts: string[]): void {
  const filing = { flags: [], internalDate: 0, origin: { direction: 'received', source: 'imap-append' } } as const;
  const requests = texts.map(text => ({
    view: ARCHIVE,
    filing,
    prepared: encodePrepared(prepare(Buffer.from(text), true)),
    place: true,
  }));
  for (const outcome of fileBatch(context, requests))
    if ('failure' in outcome) throw new Error(outcome.failure.message);
}

/** As `compact` does it, in one thread. */
function compactAll(context: AccountContext): void {
  while (purgeOrphans(context, Date.now() + 60_000) > 0);
  let marks = markPieces(context, null);
  while (!marks.done) marks = markPieces(context, marks);
  do marks = sweepPieces(context, marks);
  while (!marks.done);
  for (const segment of wastefulSegments(context, 1)) {
    for (let piece: number | null = 0; piece !== null; ) piece = moveNext(context, segment, piece).piece;
    stripSegment(context, segment);
  }
}

/** Digests of all messages as they are read back. */
function digests(context: AccountContext): string[] {
  return context
    .sql<{ recipe: Uint8Array; size: number }>('SELECT recipe, size FROM message')
    .all()
    .map(row => sha256(context.pieces.range(row.recipe, 0, row.size)))
    .sort();
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function octetsIn(directory: string): number {
  const segments = join(directory, 'segments');
  return readdirSync(segments).reduce((sum, name) => sum + statSync(join(segments, name)).size, 0);
}
