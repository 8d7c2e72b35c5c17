/** An export of everything an account has conserved: a ZIP of complete packages of distribution, and their manifest. */
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { type AccountStore, type SealedPackage, StoreError } from '../../store/types.ts';
import { withCompletePackage } from '../distribution/index.ts';
import { syncDirectory } from '../evidence/files.ts';
import type { ConservationPool } from '../threads/pool.ts';
import { zipDate } from '../zip-date.ts';
import { type ExportManifest, MANIFEST_FILE, PACKAGES_DIRECTORY, README_FILE, readmeText } from './manifest.ts';

export interface ExportSummary {
  readonly packages: number;
  readonly messages: number;
  /** Octets of the ZIP. */
  readonly size: number;
  readonly sha256: string;
}

type Part = ExportManifest['packages'][number] & { readonly path: string };

/**
 * Writes the ZIP to `path`, flushed. Packages are made one after the other in `workDirectory`, where those of an
 * interrupted run are taken as they are; it is removed at the end. The same packages give the same bytes. Rejects with an
 * EvidenceError when a message or a package is not what was sealed.
 */
export async function writeExport(
  pool: ConservationPool,
  account: AccountStore,
  where: { readonly path: string; readonly workDirectory: string },
  onPackage: (packageId: string) => void = () => {},
): Promise<ExportSummary> {
  const { path, workDirectory } = where;
  const packages = await account.packages();
  if (packages.length === 0) throw new StoreError('NONEXISTENT', 'Nessun messaggio è stato conservato');
  await mkdir(workDirectory, { recursive: true, mode: 0o700 });
  const parts: Part[] = [];
  for (const sealed of packages) {
    // A package that nobody's message is left of has nothing to show.
    if (sealed.messages.length === 0) continue;
    parts.push(await makePart(pool, account, sealed, workDirectory));
    onPackage(sealed.packageId);
  }
  const manifest = {
    version: 1,
    account: account.address,
    packages: parts.map(({ path: _, ...part }) => part),
  } as const;
  await writeZip(path, manifest, parts);
  const written = await pool.run('digestFile', { path });
  if (written === null) throw new StoreError('UNAVAILABLE', `${path} is gone`);
  await rm(workDirectory, { recursive: true });
  const messages = parts.reduce((sum, part) => sum + part.messages.length, 0);
  await account.appendJournal('exported', 'cli', { packages: parts.length, messages, sha256: written.sha256 });
  return { packages: parts.length, messages, ...written };
}

async function makePart(
  pool: ConservationPool,
  account: AccountStore,
  sealed: SealedPackage,
  workDirectory: string,
): Promise<Part> {
  const { packageId, sealedAt } = sealed;
  // A renewal in the meantime makes another ZIP.
  const evidence = await readdir(await account.evidenceDirectory(packageId));
  const path = join(workDirectory, `${packageId}-${evidence.length}.zip`);
  let digest = await pool.run('digestFile', { path });
  if (digest === null) {
    await withCompletePackage(pool, account, sealed, async made => {
      await flush(made);
      await rename(made, path);
    });
    await syncDirectory(workDirectory);
    digest = await pool.run('digestFile', { path });
  }
  if (digest === null) throw new StoreError('UNAVAILABLE', `${path} is gone`);
  const file = `${PACKAGES_DIRECTORY}${packageId}.zip`;
  const messages = sealed.messages.map(({ sha256 }) => sha256);
  return { id: packageId, file, ...digest, sealedAt, messages, path };
}

async function writeZip(path: string, manifest: ExportManifest, parts: readonly Part[]): Promise<void> {
  const zip = new ZipFile();
  // What is packed is compressed already.
  const options = {
    mtime: zipDate(Math.max(...parts.map(({ sealedAt }) => sealedAt))),
    mode: 0o100644,
    forceDosTimestamp: true,
    compress: false,
  };
  zip.addBuffer(Buffer.from(readmeText(manifest)), README_FILE, options);
  zip.addBuffer(Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`), MANIFEST_FILE, options);
  for (const part of parts) zip.addFile(part.path, part.file, options);
  zip.end();
  const failed = new Promise<never>((_, reject) => zip.on('error', reject));
  failed.catch(() => {});
  const output = createWriteStream(path, { mode: 0o600, flush: true });
  const written = pipeline(zip.outputStream, output);
  try {
    await Promise.race([written, failed]);
  } catch (error) {
    output.destroy();
    await written.catch(() => {});
    throw error;
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
