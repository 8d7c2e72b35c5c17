import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MessageChannel } from 'node:worker_threads';
import { type AccountStore, type MessageRecord, type SealedPackage, StoreError } from '../../store/types.ts';
import { EvidenceError, TooLargeError } from '../errors.ts';
import { ConservationPool } from '../threads/pool.ts';
import { supply } from '../threads/supply.ts';

/** Directories of packages under way, in the account's. */
const UNFINISHED = '.pdd-';

/**
 * Pacchetto di distribuzione of conserved messages: a ZIP that proves itself without Archivia, written to `output`,
 * which is ended. `pool`: threads that run already, else some are started for this package. Rejects with a StoreError CANNOT when one of them is not conserved; nothing has been written then.
 */
export async function createDistributionPackage(
  account: AccountStore,
  messages: string | readonly string[],
  output: Writable,
  options: { readonly pool?: ConservationPool } = {},
): Promise<void> {
  const pool = options.pool ?? new ConservationPool([]);
  try {
    const handles = typeof messages === 'string' ? [messages] : messages;
    // Made whole before the first octet goes out, so that a fault is an error and not half a file.
    await withDistribution(pool, account, handles, null, path => pipeline(createReadStream(path), output));
  } finally {
    if (options.pool === undefined) await pool.close();
  }
}

/** Takes away what a crash left of packages under way. Not while one is being made. */
export async function clearUnfinished(account: AccountStore): Promise<void> {
  for (const name of await readdir(account.directory)) {
    if (name.startsWith(UNFINISHED)) await rm(join(account.directory, name), { recursive: true, force: true });
  }
}

/** Makes the ZIP in a file of its own, gives it to `work`, and removes it. `limit`: octets, or null. */
export async function withDistribution<T>(
  pool: ConservationPool,
  account: AccountStore,
  messages: readonly string[],
  limit: number | null,
  work: (path: string) => Promise<T>,
): Promise<T> {
  if (messages.length === 0) throw new StoreError('NONEXISTENT', 'Nessun messaggio');
  const items: Item[] = [];
  for (const message of new Set(messages)) {
    const record = await account.record(message);
    if (record.conserved === null) throw new StoreError('CANNOT', 'Il messaggio non è stato conservato');
    items.push({ record, evidence: await account.evidenceDirectory(record.conserved.packageId) });
  }
  return withArchive(pool, account, items, { limit, complete: false }, work);
}

/** Like `withDistribution`, of one whole package with all its evidence. */
export async function withCompletePackage<T>(
  pool: ConservationPool,
  account: AccountStore,
  sealed: SealedPackage,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const evidence = await account.evidenceDirectory(sealed.packageId);
  const items: Item[] = [];
  for (const { message } of sealed.messages) items.push({ record: await account.record(message), evidence });
  return withArchive(pool, account, items, { limit: null, complete: true }, work);
}

interface Item {
  readonly record: MessageRecord;
  readonly evidence: string;
}

async function withArchive<T>(
  pool: ConservationPool,
  account: AccountStore,
  items: readonly Item[],
  options: { readonly limit: number | null; readonly complete: boolean },
  work: (path: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(account.directory, UNFINISHED));
  const { port1: here, port2: port } = new MessageChannel();
  try {
    const path = join(directory, 'pacchetto.zip');
    const failure = supply(
      account,
      items.map(({ record }) => record),
      here,
    );
    const task = { account: account.address, items, port, path, ...options };
    const fault = await pool.run('writeDistribution', task, { transfer: [port] }).catch(error => {
      throw failure() ?? error;
    });
    if (fault?.kind === 'too large') throw new TooLargeError(fault.message);
    if (fault !== null) throw failure() ?? new EvidenceError(fault.message);
    return await work(path);
  } finally {
    here.close();
    await rm(directory, { recursive: true, force: true });
  }
}
