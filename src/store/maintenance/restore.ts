/**
 * A data directory out of a backup: the segments are copied, and each account's database is made again from them. It all
 * happens beside the place where it will be, so that a run that was interrupted has restored nothing.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeySource } from '../accounts/master-key.ts';
import { deriveAccountKeys } from '../crypto/account-keys.ts';
import { openKeyring } from '../crypto/keyring.ts';
import { RecordCipher } from '../crypto/record-cipher.ts';
import { accountsOnDisk, makeAccountDirectory } from '../directory.ts';
import { syncDirectory } from '../files.ts';
import { Preparing } from '../ingest/preparing.ts';
import { LedgerHead } from '../ledger/head.ts';
import type { StoreLogger } from '../logger.ts';
import { step } from '../steps.ts';
import { backupStateFile, copyTree, holdsState, readBackupState } from './backup.ts';
import { type Rebuilt, rebuildAccount } from './rebuild.ts';

export interface RestoreOptions {
  readonly source: string;
  /** Holds no account yet. */
  readonly dataDir: string;
  readonly keySource: KeySource;
  /** Threads that take messages apart. */
  readonly threads: number;
  readonly logger: StoreLogger | null;
  /** DER of the authorities that gestori's certificates are checked against. */
  readonly anchors?: readonly Uint8Array[];
  readonly progress?: (address: string, done: number, total: number) => void;
}

/** What a data directory may hold before anything is restored into it. */
const ALLOWED = /^(lock(-.*)?|master\.key.*|tls|restore\.partial)$/;

/**
 * Every tree gets a new UIDVALIDITY, since clients may have seen what came after the backup. Rejects with an Error when
 * the directory is not empty, the backup is not complete, or the master key does not open it.
 */
export async function restore(options: RestoreOptions): Promise<Rebuilt[]> {
  const { source, dataDir, keySource, progress } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const brought = await readdir(source);
  // What a run that was interrupted at its very end has put there already does not count.
  const inTheWay = (await readdir(dataDir)).filter(
    name => !ALLOWED.test(name) && (name === 'accounts' || !brought.includes(name)),
  );
  if (inTheWay.length > 0) {
    throw new Error(`${dataDir} is not empty (${inTheWay.join(', ')}): a backup is restored into an empty directory`);
  }
  const accounts = await accountsOnDisk(source);
  if (!brought.includes('backup.json')) throw new Error(`${source} holds no complete backup`);
  const staging = join(dataDir, 'restore.partial');
  await rm(staging, { recursive: true, force: true });
  await copyTree(source, staging);
  for (const name of ['backup.json', 'lock', 'lock-journal']) await rm(join(staging, name), { force: true });
  step('backup copied back');
  const keyring = await openKeyring(staging, keySource, dataDir);
  const rebuilt: Rebuilt[] = [];
  const preparing = new Preparing(options.threads, options.logger, options.anchors);
  try {
    for (const { address, directory } of await accountsOnDisk(staging)) {
      const state = await readBackupState(directory);
      if (state === null) {
        // Nothing was ever filed there.
        await rm(directory, { recursive: true });
        continue;
      }
      const dataKey = await keyring.accountKey(directory, address);
      const cipher = new RecordCipher(deriveAccountKeys(dataKey).segments);
      if (!holdsState(join(directory, 'segments'), cipher, state)) {
        throw new Error(`the backup of ${address} is damaged: it does not end with transaction ${state.seq}`);
      }
      await rm(backupStateFile(directory));
      await makeAccountDirectory(directory);
      const head = new LedgerHead(directory);
      head.write(state.seq);
      head.close();
      const report = (done: number, total: number): void => progress?.(address, done, total);
      const how = { address, directory, dataKey, preparing, renumber: true, force: true, progress: report };
      rebuilt.push(await rebuildAccount(how));
    }
  } finally {
    await preparing.close();
  }
  // The accounts last: as long as they are not there, nothing has been restored.
  const names = (await readdir(staging)).sort((a, b) => Number(a === 'accounts') - Number(b === 'accounts'));
  for (const name of names) {
    await rm(join(dataDir, name), { recursive: true, force: true });
    await rename(join(staging, name), join(dataDir, name));
    step(`${name} in place`);
  }
  await rm(staging, { recursive: true, force: true });
  await syncDirectory(dataDir);
  if (rebuilt.length === 0 && accounts.length > 0) throw new Error(`${source} holds no message of any account`);
  return rebuilt;
}
