import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type AccountStore, StoreError } from '../../store/types.ts';
import { ConservationPool } from '../threads/pool.ts';
import { sendMessage } from '../threads/reader.ts';

/**
 * Pacchetto di distribuzione of one conserved message: a ZIP that proves itself without Archivia, written to `output`,
 * which is ended. Rejects with a StoreError CANNOT when the message is not conserved; nothing has been written then.
 */
export async function createDistributionPackage(
  account: AccountStore,
  message: string,
  output: Writable,
): Promise<void> {
  const record = await account.record(message);
  if (record.conserved === null) throw new StoreError('CANNOT', 'Il messaggio non è stato conservato');
  const evidence = await account.evidenceDirectory(record.conserved.packageId);
  const pool = new ConservationPool([]);
  // Made whole before the first octet goes out, so that a fault is an error and not half a file.
  const directory = await mkdtemp(join(account.directory, '.pdd-'));
  try {
    const path = join(directory, 'pacchetto.zip');
    await sendMessage(account, record, (source, transfer) =>
      pool.run('writeDistribution', { record, evidence, path, ...source }, { transfer }),
    );
    await pipeline(createReadStream(path), output);
  } finally {
    await rm(directory, { recursive: true, force: true });
    await pool.close();
  }
}
