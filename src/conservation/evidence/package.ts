import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AccountStore } from '../../store/types.ts';
import { EvidenceError } from '../errors.ts';
import type { ConservationPool } from '../threads/pool.ts';
import { EVIDENCE_FILES } from '../types.ts';
import { syncDirectory, writeWhole } from './files.ts';
import { encodeSeal, type PackageSeal, readSeal } from './seal.ts';

/** Told after each change on disk; tests stop the work there. */
export type Step = (name: string) => void | Promise<void>;

/**
 * Writes a package's evidence. Each file is flushed and read back, the directory is flushed, and the seal, which lists
 * them with their digests, comes last: a directory without it is a package that was never made.
 */
export async function sealEvidence(
  pool: ConservationPool,
  account: AccountStore,
  files: Readonly<Record<string, Uint8Array>>,
  contents: Omit<PackageSeal, 'files' | 'sealedAt' | 'version'>,
  clock: { readonly now: () => number; readonly step: Step },
): Promise<PackageSeal> {
  const directory = await account.evidenceDirectory(contents.packageId);
  // The store made the directory: its name must last as long as what is in it.
  await syncDirectory(dirname(directory));
  const digests: PackageSeal['files'] = {};
  for (const [name, bytes] of Object.entries(files)) {
    await writeWhole(directory, name, bytes);
    digests[name] = { size: bytes.length, sha256: await pool.run('digestBytes', { bytes }) };
    await clock.step(`written ${name}`);
  }
  const seal: PackageSeal = { version: 2, ...contents, sealedAt: clock.now(), files: digests };
  await writeWhole(directory, EVIDENCE_FILES.seal, encodeSeal(seal));
  await clock.step('sealed');
  return seal;
}

/**
 * The seal of a package whose files are all as sealed; null when the directory was never sealed. Throws an EvidenceError
 * that names the file at fault.
 */
export async function verifyEvidence(pool: ConservationPool, directory: string): Promise<PackageSeal | null> {
  const seal = await readSeal(directory);
  if (seal === null) return null;
  for (const [name, expected] of Object.entries(seal.files)) {
    const found = await pool.run('digestFile', { path: join(directory, name) });
    if (found === null) throw new EvidenceError(`${directory}: ${name} is missing`);
    if (found.size !== expected.size || found.sha256 !== expected.sha256) {
      throw new EvidenceError(`${directory}: ${name} is not what was sealed`);
    }
  }
  return seal;
}

/** Takes away what a crash left of a package that was never sealed. */
export async function discardEvidence(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await syncDirectory(dirname(directory));
}
