/** Import of an export, of one complete package, or of a package of distribution, that another Archivia made. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { AccountStore } from '../../store/types.ts';
import { type ExportManifest, MANIFEST_FILE, manifestSchema, PACKAGES_DIRECTORY } from '../export/manifest.ts';
import { fileServiceNotice, noticeOfImport } from '../term/notices.ts';
import type { Workshop } from '../workshop.ts';
import { type ImportedDistribution, importDistribution, isDistribution } from './distribution.ts';
import { ImportError } from './error.ts';
import { type ImportedPackage, importPackage, isCompletePackage } from './package.ts';
import { ForeignZip } from './zip.ts';

export interface Imported {
  readonly packages: readonly ImportedPackage[];
  /** Messages of a package of distribution: they are archived, and wait for being conserved anew. */
  readonly distribution: ImportedDistribution | null;
}

const MAX_MANIFEST = 512 * 1024 * 1024;

/**
 * Takes over what is not here yet, package by package; each is checked whole before anything of it shows. An import that
 * was interrupted is repeated. Rejects with an ImportError that names what is wrong.
 */
export async function importFile(shop: Workshop, account: AccountStore, path: string): Promise<Imported> {
  const zip = await ForeignZip.open(path);
  try {
    if (!zip.has(MANIFEST_FILE) && !isCompletePackage(zip) && isDistribution(zip)) {
      return { packages: [], distribution: await importDistribution(shop, account, zip, path) };
    }
    const packages = zip.has(MANIFEST_FILE)
      ? await importExport(shop, account, zip, path)
      : [await importSingle(shop, account, zip, path)];
    const taken = packages.filter(one => one.taken);
    if (taken.length > 0) {
      await fileServiceNotice(account, noticeOfImport(basename(path), taken), shop.now());
    }
    return { packages, distribution: null };
  } finally {
    zip.close();
  }
}

async function importSingle(
  shop: Workshop,
  account: AccountStore,
  zip: ForeignZip,
  path: string,
): Promise<ImportedPackage> {
  if (!isCompletePackage(zip)) {
    throw new ImportError(
      `there is neither ${MANIFEST_FILE} nor a package in this ZIP: import what "archivia export" or "archivia dip" made`,
    );
  }
  const digest = await shop.pool.run('digestFile', { path });
  return importPackage(shop, account, zip, { file: basename(path), sha256: digest?.sha256 ?? '' });
}

async function importExport(
  shop: Workshop,
  account: AccountStore,
  zip: ForeignZip,
  path: string,
): Promise<ImportedPackage[]> {
  const manifest = readManifest(await zip.read(MANIFEST_FILE, MAX_MANIFEST));
  if (manifest.account !== account.address) {
    throw new ImportError(`the export is of the mailbox ${manifest.account}, not of ${account.address}`);
  }
  const listed = new Set(manifest.packages.map(({ file }) => file));
  for (const name of zip.names()) {
    if (name.startsWith(PACKAGES_DIRECTORY) && !listed.has(name))
      throw new ImportError(`${name} is not in the manifest`);
  }
  // One that was changed spoils the whole export, before any of it is taken.
  for (const part of manifest.packages) await checkPart(zip, part);
  const imported: ImportedPackage[] = [];
  for (const part of manifest.packages) {
    shop.signal.throwIfAborted();
    const inner = join(account.directory, `.importazione-${part.sha256.slice(0, 16)}.zip`);
    try {
      await pipeline(await zip.stream(part.file), createWriteStream(inner, { mode: 0o600 }));
      imported.push(await importPart(shop, account, inner, part, basename(path)));
    } finally {
      await rm(inner, { force: true });
    }
  }
  return imported;
}

async function checkPart(zip: ForeignZip, { file, size, sha256 }: ExportManifest['packages'][number]): Promise<void> {
  if (zip.sizeOf(file) !== size) throw new ImportError(`${file} is not what the manifest says: another size`);
  const hash = createHash('sha256');
  for await (const chunk of await zip.stream(file)) hash.update(chunk);
  if (hash.digest('hex') !== sha256) throw new ImportError(`${file} is not what the manifest says`);
}

async function importPart(
  shop: Workshop,
  account: AccountStore,
  path: string,
  part: ExportManifest['packages'][number],
  file: string,
): Promise<ImportedPackage> {
  const zip = await ForeignZip.open(path);
  try {
    if (!isCompletePackage(zip)) throw new ImportError(`${part.file} has not all evidence of its package`);
    const imported = await importPackage(shop, account, zip, { file, sha256: part.sha256 });
    if (imported.packageId !== part.id) throw new ImportError(`${part.file} is the package ${imported.packageId}`);
    return imported;
  } finally {
    zip.close();
  }
}

function readManifest(bytes: Buffer): ExportManifest {
  try {
    return manifestSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw new ImportError(
      `${MANIFEST_FILE} cannot be read (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}
