import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccountStore } from '../../store/types.ts';
import { discardEvidence, verifyEvidence } from '../evidence/package.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { fileNotice } from '../file-notice.ts';
import { storeErrorCode } from '../store-error.ts';
import { EVIDENCE_FILES } from '../types.ts';
import type { Workshop } from '../workshop.ts';

/** Names the package that is being made or applied; null between packages. Written before its first file. */
const OPEN_PACKAGE = 'conservation.open';

export async function openPackage(account: AccountStore, packageId: string): Promise<void> {
  await account.setSetting(OPEN_PACKAGE, packageId);
}

/**
 * Carries a sealed package into the store: messages conserved, report filed, package closed. Each step may be repeated:
 * `conserved` passes over what is done, and the report's bytes are always the same, so a second one is a duplicate.
 * `handles`: SHA-256 to message, for a package that was made elsewhere.
 */
export async function closePackage(
  shop: Workshop,
  account: AccountStore,
  seal: PackageSeal,
  handles: ReadonlyMap<string, string> | null = null,
): Promise<void> {
  await applySeal(shop, account, seal, handles);
  await shop.step('conserved');
  await fileReport(shop, account, seal);
  await shop.step('filed');
  await account.setSetting(OPEN_PACKAGE, null);
  await shop.step('closed');
}

async function applySeal(
  shop: Workshop,
  account: AccountStore,
  seal: PackageSeal,
  handles: ReadonlyMap<string, string> | null,
): Promise<void> {
  const { packageId, sealedAt } = seal;
  const messages = seal.messages.map(({ message, sha256 }) => ({ message: handles?.get(sha256) ?? message, sha256 }));
  try {
    await account.conserved({ packageId, sealedAt, messages });
  } catch (error) {
    if (storeErrorCode(error) !== 'NONEXISTENT') throw error;
    // Somebody removed a message while its package was being made. The others are conserved all the same.
    const present = await Promise.all(messages.map(({ message }) => exists(account, message)));
    const left = messages.filter((_, index) => present[index]);
    if (left.length === messages.length) throw error;
    shop.logger.warn(
      { account: account.address, package: packageId, missing: messages.length - left.length },
      'messages were removed while their package was made',
    );
    if (left.length > 0) await account.conserved({ packageId, sealedAt, messages: left });
  }
}

async function exists(account: AccountStore, message: string): Promise<boolean> {
  try {
    await account.record(message);
    return true;
  } catch (error) {
    if (storeErrorCode(error) === 'NONEXISTENT') return false;
    throw error;
  }
}

async function fileReport(shop: Workshop, account: AccountStore, seal: PackageSeal): Promise<void> {
  const directory = await account.evidenceDirectory(seal.packageId);
  const signedReport = new Uint8Array(await readFile(join(directory, EVIDENCE_FILES.signedReport)));
  const bytes = await shop.pool.run('buildReportMessage', { account: account.address, seal, signedReport });
  await fileNotice(account, 'reports', [bytes], seal.sealedAt);
}

/**
 * Finishes or takes away the package that a crash left open. A sealed one is applied again from where it was; one that
 * was not sealed is removed, and its messages are still in the queue. Throws an EvidenceError when a sealed package has
 * been damaged: that is for people to look at.
 */
export async function repairOpenPackage(shop: Workshop, account: AccountStore): Promise<void> {
  const packageId = await account.setting<string>(OPEN_PACKAGE);
  if (packageId === null) return;
  const directory = await account.evidenceDirectory(packageId);
  const seal = await verifyEvidence(shop.pool, directory);
  if (seal === null) {
    await discardEvidence(directory);
    await shop.step('discarded');
    await account.setSetting(OPEN_PACKAGE, null);
    shop.logger.info({ account: account.address, package: packageId }, 'unfinished package removed');
    return;
  }
  await closePackage(shop, account, seal, await handlesHere(account, seal));
  shop.logger.info({ account: account.address, package: packageId }, 'unfinished package completed');
}

/** What this store calls the messages: an import that was interrupted leaves a seal with another store's handles. */
async function handlesHere(account: AccountStore, seal: PackageSeal): Promise<Map<string, string>> {
  const handles = new Map<string, string>();
  for (const { sha256 } of seal.messages) {
    const handle = await account.findBySha256(sha256);
    if (handle !== null) handles.set(sha256, handle);
  }
  return handles;
}
