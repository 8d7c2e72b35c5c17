import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { JOURNAL_START } from '../../store/journal/chain.ts';
import type { AccountStore, JournalEntry } from '../../store/types.ts';
import { ConservationPool } from '../threads/pool.ts';
import { EVIDENCE_FILES } from '../types.ts';
import type { Fault } from './fault.ts';

export interface JournalReport {
  readonly entries: number;
  readonly faults: readonly Fault[];
}

const PAGE = 500;
const headSchema = z.object({ version: z.literal(1), account: z.string(), seq: z.number(), hash: z.string() });

const importedSchema = z.object({ package: z.string() });
const renewedSchema = z.object({ package: z.string(), file: z.string(), sha256: z.string() });

/**
 * Follows the journal's chain of hashes from its first entry to its last, and compares it with the heads that lie, signed
 * and stamped, in the packages: an entry that was changed, removed or added in between is told, and so is a journal that
 * was set back to an earlier day.
 */
export async function verifyJournal(account: AccountStore, shared?: ConservationPool): Promise<JournalReport> {
  const pool = shared ?? new ConservationPool([]);
  try {
    const attested = await attestedHeads(account);
    const faults: Fault[] = [...attested.faults];
    const told = (reason: string) => faults.push({ subject: 'journal', file: 'account.db', reason });
    const wrong: { readonly packageId: string; readonly reason: string }[] = [];
    const imported = new Set<string>();
    let seq = 0;
    let hash = JOURNAL_START;
    for (;;) {
      const entries = await account.journal(seq, PAGE);
      if (entries.length === 0) break;
      const { fault, hashes } = await pool.run('checkJournal', { seq, hash, entries });
      if (fault !== null) {
        told(fault);
        return { entries: seq, faults };
      }
      faults.push(...(await lostRenewals(pool, account, entries)));
      for (const head of attested.heads) {
        const found = hashes[head.seq - seq - 1];
        if (found !== undefined && found !== head.hash) {
          const reason = `entry ${head.seq} is not the one that package ${head.packageId} attests`;
          wrong.push({ packageId: head.packageId, reason });
        }
      }
      for (const { act, detail } of entries) {
        if (act === 'imported') imported.add(importedSchema.parse(JSON.parse(detail)).package);
      }
      seq += entries.length;
      hash = hashes.at(-1) ?? hash;
    }
    for (const head of attested.heads) {
      if (head.seq > seq) {
        const reason = `ends at entry ${seq}, but package ${head.packageId} attests entry ${head.seq}: set back?`;
        wrong.push({ packageId: head.packageId, reason });
      }
    }
    // An imported package attests the journal of the installation where it was made.
    for (const { packageId, reason } of wrong) if (!imported.has(packageId)) told(reason);
    return { entries: seq, faults };
  } finally {
    if (shared === undefined) await pool.close();
  }
}

/** Renewals that the journal tells of and that do not lie where they were put: beside the sealed files, nothing else does. */
async function lostRenewals(
  pool: ConservationPool,
  account: AccountStore,
  entries: readonly JournalEntry[],
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const { act, detail } of entries) {
    if (act !== 'renewed') continue;
    const renewed = renewedSchema.parse(JSON.parse(detail));
    const path = join(account.directory, 'evidence', renewed.package, renewed.file);
    const found = await pool.run('digestFile', { path });
    if (found?.sha256 === renewed.sha256) continue;
    const reason = found === null ? 'is missing' : 'is not what was written';
    faults.push({ subject: renewed.package, file: renewed.file, reason });
  }
  return faults;
}

async function attestedHeads(account: AccountStore) {
  const heads: { readonly packageId: string; readonly seq: number; readonly hash: string }[] = [];
  const faults: Fault[] = [];
  for (const { packageId } of await account.packages()) {
    const path = join(account.directory, 'evidence', packageId, EVIDENCE_FILES.journal);
    try {
      const head = headSchema.parse(JSON.parse(await readFile(path, 'utf8')));
      heads.push({ packageId, seq: head.seq, hash: head.hash });
    } catch (error) {
      const reason = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'is missing' : 'is damaged';
      faults.push({ subject: packageId, file: EVIDENCE_FILES.journal, reason });
    }
  }
  return { heads, faults };
}
