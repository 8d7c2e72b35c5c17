import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { CONSERVED_GROUP } from '../../src/store/limits.ts';
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

const CHILD = new URL('./ingest-child.ts', import.meta.url).pathname;
const CONSERVING = new URL('./conserve-child.ts', import.meta.url).pathname;

async function segmentPath(directory: string): Promise<string> {
  const names = (await readdir(join(directory, 'segments'))).sort();
  return join(directory, 'segments', names.at(-1) ?? '');
}

describe('kill -9 in the middle of ingesting', () => {
  for (const after of [1, 7, 40]) {
    it(`after ${after} acknowledgements loses none of them`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'archivia-kill-'));
      try {
        const child = spawn(process.execPath, [CHILD, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
        const acknowledged: { uid: number; message: string; sha256: string; size: number }[] = [];
        for await (const line of createInterface({ input: child.stdout })) {
          acknowledged.push(JSON.parse(line));
          if (acknowledged.length === after) child.kill('SIGKILL');
        }
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        expect(child.signalCode).toBe('SIGKILL');

        const store = await openStore(directory);
        try {
          const account = await store.account(ADDRESS);
          const opened = await account.open(INTAKE, { readOnly: true });
          for (const { uid, message: handle, sha256, size } of acknowledged) {
            expect(opened.uids).toContain(uid);
            const raw = await readAll(account, handle, size);
            expect(createHash('sha256').update(raw).digest('hex')).toBe(sha256);
          }
          // What was not acknowledged is there whole or not at all, and nothing is there twice.
          for (const row of await account.fetch(INTAKE, [...opened.uids], {
            columns: [],
            sections: [],
            markSeen: false,
          })) {
            const { sha256 } = await account.record(row.message);
            const raw = await readAll(account, row.message, row.size);
            expect(createHash('sha256').update(raw).digest('hex')).toBe(sha256);
          }
          expect(await readdir(join(account.directory, 'spool'))).toEqual([]);
          const next = await put(account, INTAKE, message('dopo'));
          expect(next.uid).toBe(opened.uidNext);
          const archived = await account.open(ARCHIVE, { readOnly: true });
          expect(archived.messages).toBe(opened.messages + 1);
        } finally {
          await store.close();
        }
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  }
});

describe('kill -9 in the middle of a package', () => {
  // Two full groups and a third.
  const count = 2 * CONSERVED_GROUP + 2;
  const all = Array.from({ length: count }, (_, index) => index + 1);
  for (const stop of [1, 2, 3]) {
    it(`when group ${stop} of 3 has moved is finished at the next start`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'archivia-kill-'));
      try {
        const child = spawn(process.execPath, [CONSERVING, directory, String(count), String(stop)], {
          stdio: 'inherit',
        });
        await once(child, 'exit');
        expect(child.signalCode).toBe('SIGKILL');
        const store = await openStore(directory);
        try {
          const account = await store.account(ADDRESS);
          const [intake, conserved] = await account.status([INTAKE, CONSERVATION]);
          expect([intake?.messages, conserved?.messages]).toEqual([0, count]);
          expect((await account.changes(INTAKE, count + 1)).vanished).toEqual(all);
          const [sealed] = await account.packages();
          expect(sealed?.messages).toHaveLength(count);
          if (sealed) await account.conserved(sealed);
          expect((await account.status([CONSERVATION]))[0]).toEqual(conserved);
        } finally {
          await store.close();
        }
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  }
});

describe('a torn tail', () => {
  it('is cut, and what was committed is untouched', async () => {
    const b = await bench();
    try {
      const raw = Buffer.from(withAttachment('intero', base64(noise(200_000, 3))));
      const filed = await put(b.account, ARCHIVE, raw);
      const path = await segmentPath(b.account.directory);
      const committed = (await stat(path)).size;
      const record = (await readFile(path)).subarray(0, 5000);
      for (const tail of [Buffer.from([0x41]), record.subarray(0, 30), record, Buffer.alloc(100)]) {
        await b.store.close();
        await appendFile(path, tail);
        await writeFile(join(b.account.directory, 'segments', '00000002.seg'), record);
        await writeFile(join(b.account.directory, 'spool', 'avanzo'), 'x');
        b.store = await openStore(b.directory);
        b.account = await b.store.account(ADDRESS);
        expect((await stat(path)).size).toBe(committed);
        expect(await readdir(join(b.account.directory, 'segments'))).toEqual(['00000001.seg']);
        expect(await readdir(join(b.account.directory, 'spool'))).toEqual([]);
        expect((await readAll(b.account, filed.message, raw.length)).equals(raw)).toBe(true);
      }
      expect((await put(b.account, ARCHIVE, message('ancora'))).uid).toBe(2);
    } finally {
      await b.end();
    }
  });

  it('leaves the evidence of unfinished packages alone', async () => {
    const b = await bench();
    try {
      const evidence = await b.account.evidenceDirectory('PdA-1');
      await writeFile(join(evidence, 'PIndex.xml'), '<x/>');
      await b.reopen();
      expect(await readdir(evidence)).toEqual(['PIndex.xml']);
      expect(await b.account.packages()).toEqual([]);
    } finally {
      await b.end();
    }
  });
});

describe('damage', () => {
  it('of any octet of a piece is told and never served', async () => {
    const b = await bench();
    try {
      const raw = Buffer.from(withAttachment('danno', base64(noise(50_000, 5))));
      const filed = await put(b.account, ARCHIVE, raw);
      const path = await segmentPath(b.account.directory);
      const size = (await stat(path)).size;
      await b.store.close();
      const whole = await readFile(path);
      let damaged = 0;
      for (let at = 60; at < size; at += 4093) {
        const file = await open(path, 'r+');
        await file.write(Buffer.from([(whole[at] ?? 0) ^ 1]), 0, 1, at);
        await file.close();
        b.store = await openStore(b.directory);
        b.account = await b.store.account(ADDRESS);
        const read = await readAll(b.account, filed.message, raw.length).catch(error => error);
        if (Buffer.isBuffer(read)) expect(read.equals(raw)).toBe(true);
        else {
          expect(read.code).toBe('CORRUPTION');
          damaged += 1;
        }
        await b.store.close();
        await writeFile(path, whole);
      }
      expect(damaged).toBeGreaterThan(10);
      b.store = await openStore(b.directory);
    } finally {
      await b.end();
    }
  });

  it('of a piece heals when the same octets come again', async () => {
    const b = await bench();
    try {
      const raw = Buffer.from(withAttachment('guarito', base64(noise(50_000, 6))));
      const filed = await put(b.account, ARCHIVE, raw);
      const path = await segmentPath(b.account.directory);
      await b.store.close();
      const file = await open(path, 'r+');
      await file.write(Buffer.alloc(64), 0, 64, 20_000);
      await file.close();
      b.store = await openStore(b.directory);
      b.account = await b.store.account(ADDRESS);
      await expect(readAll(b.account, filed.message, raw.length)).rejects.toMatchObject({ code: 'CORRUPTION' });
      expect(await put(b.account, ARCHIVE, raw)).toMatchObject({ uid: filed.uid, duplicate: true });
      expect((await readAll(b.account, filed.message, raw.length)).equals(raw)).toBe(true);
      await b.reopen();
      expect((await readAll(b.account, filed.message, raw.length)).equals(raw)).toBe(true);
    } finally {
      await b.end();
    }
  });

  it('by truncation is told', async () => {
    const b = await bench();
    try {
      const raw = Buffer.from(withAttachment('corto', base64(noise(50_000, 8))));
      const filed = await put(b.account, ARCHIVE, raw);
      const path = await segmentPath(b.account.directory);
      await b.store.close();
      await truncate(path, 10_000);
      b.store = await openStore(b.directory);
      b.account = await b.store.account(ADDRESS);
      await expect(readAll(b.account, filed.message, raw.length)).rejects.toMatchObject({ code: 'CORRUPTION' });
    } finally {
      await b.end();
    }
  });

  it('by a lost database is refused rather than mended by cutting the segments', async () => {
    const b = await bench();
    try {
      await put(b.account, ARCHIVE, message('perso'));
      const path = await segmentPath(b.account.directory);
      const size = (await stat(path)).size;
      await b.store.close();
      await rm(join(b.account.directory, 'account.db'));
      b.store = await openStore(b.directory);
      await expect(b.store.account(ADDRESS)).rejects.toMatchObject({ code: 'CORRUPTION' });
      expect((await stat(path)).size).toBe(size);
    } finally {
      await b.end();
    }
  });
});

describe('one owner', () => {
  it('a second store is told that the account is taken', async () => {
    const b = await bench();
    const other = await openStore(b.directory);
    try {
      await expect(other.account(ADDRESS)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await put(b.account, ARCHIVE, message('mio'));
    } finally {
      await other.close();
      await b.end();
    }
  });
});
