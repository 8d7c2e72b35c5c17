/** What the disk can do wrong, done to a real process by strace: a write, flush or truncation that fails. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveAccountKeys } from '../../src/store/crypto/account-keys.ts';
import { verifyAccount } from '../../src/store/maintenance/verify.ts';
import { openAccount } from '../../src/store/shard/account.ts';
import { run } from '../support/processes.ts';
import { ADDRESS } from './support.ts';

const CHILD = new URL('./fault-child.ts', import.meta.url).pathname;
const KEY = new Uint8Array(32).fill(7);
const MESSAGES = 4;

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'archivia-faults-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

interface Said {
  readonly uid?: number;
  readonly sha256?: string;
  readonly failed?: string;
}

/** Runs the child with the fault; what it said. */
async function withFault(name: string, call: string, fault: string): Promise<{ directory: string; said: Said[] }> {
  const directory = join(place, name);
  for (const inner of ['segments', 'spool', 'evidence']) mkdirSync(join(directory, inner), { recursive: true });
  const strace = [
    '-f',
    '-qq',
    '--seccomp-bpf',
    '-o',
    '/dev/null',
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${fault}`,
  ];
  const { stdout } = await run('strace', [...strace, process.execPath, CHILD, directory, String(MESSAGES)]);
  const said = stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Said);
  return { directory, said };
}

/** What was acknowledged is there, and all is sound. */
async function check(directory: string, said: readonly Said[], when: string): Promise<void> {
  const { context } = openAccount(ADDRESS, directory, deriveAccountKeys(KEY));
  try {
    const stored = context
      .sql<{ uid: number; sha256: string }>(
        'SELECT e.uid, lower(hex(m.sha256)) AS sha256 FROM entry e JOIN message m ON m.id = e.message',
      )
      .all();
    for (const { uid, sha256 } of said) {
      if (uid !== undefined) expect(stored, when).toContainEqual({ uid, sha256 });
    }
    expect(new Set(stored.map(({ uid }) => uid)).size, when).toBe(stored.length);
  } finally {
    context.close();
  }
  const verified = await verifyAccount({ address: ADDRESS, directory, dataKey: KEY, resume: false });
  expect(verified.damaged, when).toEqual([]);
}

const FAULTS = [
  ['pwrite64', 'EIO'],
  ['pwrite64', 'ENOSPC'],
  ['fdatasync', 'EIO'],
  ['fsync', 'EIO'],
  ['ftruncate', 'EIO'],
] as const;

describe('what was acknowledged survives', { timeout: 180_000 }, () => {
  for (const [call, error] of FAULTS) {
    it(`one ${error} of ${call}, whichever it is`, async () => {
      let failures = 0;
      // Every call of the first messages, then some of the later ones.
      for (const when of [1, 2, 4, 7, 11, 16, 22]) {
        const { directory, said } = await withFault(`once-${when}`, call, `error=${error}:when=${when}`);
        expect(said, `when ${when}`).toHaveLength(MESSAGES);
        const failed = said.filter(one => one.failed !== undefined);
        failures += failed.length;
        if (error === 'ENOSPC')
          for (const one of failed) expect(one.failed).toMatch(/OVERQUOTA|SQLITE_FULL|ENOSPC|SQLITE_IOERR/);
        // One fault costs at most the messages of one batch, and perhaps the opening before.
        expect(failed.length, `when ${when}`).toBeLessThan(3);
        await check(directory, said, `${call} ${error} ${when}`);
        if (failed.length === 0 && when > 10) break;
      }
      if (call !== 'ftruncate') expect(failures).toBeGreaterThan(0);
    });

    it(`${error} of every ${call} from some point on`, async () => {
      for (const when of [6, 12]) {
        const { directory, said } = await withFault(`all-${when}`, call, `error=${error}:when=${when}+`);
        await check(directory, said, `${call} ${error} ${when}+`);
      }
    });
  }
});
