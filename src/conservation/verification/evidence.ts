import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { AccountStore, MessageRecord, SealedPackage } from '../../store/types.ts';
import { readSeal } from '../evidence/seal.ts';
import { documentName } from '../metadata/document.ts';
import { storeErrorCode } from '../store-error.ts';
import { ConservationPool } from '../threads/pool.ts';
import { supply } from '../threads/supply.ts';
import { EVIDENCE_FILES } from '../types.ts';
import type { Fault } from './fault.ts';

export interface EvidenceReport {
  readonly packages: number;
  readonly messages: number;
  readonly faults: readonly Fault[];
}

/**
 * Checks every package of an account: each file against the seal, signatures, stamps with their renewals, the hash tree,
 * what the store knows of the package against what was sealed, and each message's evidence record where it was hashed
 * anew. That a message's bytes are still those of its SHA-256 is not checked here.
 */
export async function verifyEvidence(
  account: AccountStore,
  options: { readonly pool?: ConservationPool; readonly onPackage?: (packageId: string) => void } = {},
): Promise<EvidenceReport> {
  const pool = options.pool ?? new ConservationPool([]);
  try {
    const known = await account.packages();
    const faults: Fault[] = await strangers(account, known);
    let messages = 0;
    for (const sealed of known) {
      faults.push(...(await checkPackage(pool, account, sealed)));
      messages += sealed.messages.length;
      options.onPackage?.(sealed.packageId);
    }
    return { packages: known.length, messages, faults };
  } finally {
    if (options.pool === undefined) await pool.close();
  }
}

/** `reread`: the evidence record of each message is checked from its bytes, not only where the tree was hashed anew. */
export async function checkPackage(
  pool: ConservationPool,
  account: AccountStore,
  sealed: SealedPackage,
  reread = false,
): Promise<Fault[]> {
  const { packageId } = sealed;
  const directory = join(account.directory, 'evidence', packageId);
  const fault = (file: string, reason: string): Fault => ({ subject: packageId, file, reason });
  const { findings } = await pool.run('inspectEvidence', { directory });
  const faults = findings.flatMap(({ file, fault: reason }) => (reason === null ? [] : [fault(file, reason)]));
  const seal = await readSeal(directory).catch(() => null);
  if (seal === null) return faults;
  if (seal.packageId !== packageId) faults.push(fault(EVIDENCE_FILES.seal, `is the seal of ${seal.packageId}`));
  if (seal.account !== account.address) faults.push(fault(EVIDENCE_FILES.seal, `belongs to ${seal.account}`));
  const inside = new Set(seal.messages.map(({ sha256 }) => sha256));
  for (const { message, sha256 } of sealed.messages) {
    if (!inside.has(sha256)) faults.push(fault('account.db', `message ${message} is not in the sealed package`));
  }
  faults.push(...(await checkRecordsOf(pool, account, sealed, reread)));
  return faults;
}

/** From the bytes; else only of packages whose trees were hashed anew: their records speak of another digest than the store's. */
async function checkRecordsOf(
  pool: ConservationPool,
  account: AccountStore,
  sealed: SealedPackage,
  reread: boolean,
): Promise<Fault[]> {
  const directory = join(account.directory, 'evidence', sealed.packageId);
  const names = await readdir(directory).catch(() => []);
  if (!reread && !names.some(name => name.startsWith('rinnovo-'))) return [];
  const records: MessageRecord[] = [];
  const unknown: Fault[] = [];
  for (const { message, sha256 } of sealed.messages) {
    const record = await account.record(message).catch(error => {
      if (storeErrorCode(error) === null) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      unknown.push({ subject: sealed.packageId, file: `messaggi/${documentName(sha256)}`, reason });
      return null;
    });
    if (record !== null) records.push(record);
  }
  const { port1: here, port2: port } = new MessageChannel();
  try {
    supply(account, records, here);
    const messages = records.map(({ sha256, size }) => ({ sha256, size }));
    const faults = await pool.run('checkRecords', { directory, messages, port }, { transfer: [port] });
    return [...unknown, ...faults.map(({ file, reason }) => ({ subject: sealed.packageId, file, reason }))];
  } finally {
    here.close();
  }
}

/** Packages on disk that the database does not know: it was set back, or somebody put them there. */
async function strangers(account: AccountStore, known: readonly SealedPackage[]): Promise<Fault[]> {
  const names = await readdir(join(account.directory, 'evidence')).catch(() => []);
  const expected = new Set(known.map(({ packageId }) => packageId));
  const open = await account.setting<string>('conservation.open');
  return names
    .filter(name => !expected.has(name) && name !== open)
    .map(name => ({ subject: name, file: 'account.db', reason: 'the database does not know this package: set back?' }));
}
