/** Takes over one package that another Archivia made: its messages, and its evidence as it is. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MessageChannel } from 'node:worker_threads';
import type { AccountStore, Filing, HeldMessage } from '../../store/types.ts';
import { syncDirectory } from '../evidence/files.ts';
import { renewalName } from '../evidence/renewal.ts';
import { type PackageSeal, readSeal } from '../evidence/seal.ts';
import { readMetadata } from '../metadata/container.ts';
import { documentName } from '../metadata/document.ts';
import { metadataPaths } from '../metadata/files.ts';
import { closePackage, openPackage } from '../package/application.ts';
import { supply } from '../threads/supply.ts';
import { EVIDENCE_FILES } from '../types.ts';
import type { Workshop } from '../workshop.ts';
import { ImportError } from './error.ts';
import { filingOf, MAX_MESSAGE } from './filing.ts';
import type { ForeignZip } from './zip.ts';

/** In the account's directory: evidence that was not checked yet. */
const STAGING = '.importazione-';
const MAX_EVIDENCE = 1_000_000_000;
/** Messages that appear in the archive in one transaction. */
const GROUP = 100;
const RENEWAL = /^rinnovo-\d{4}\.json$/;
const PACKAGE_ID = /^PDA-[0-9A-Za-z-]{1,80}$/;

export interface ImportedPackage {
  readonly packageId: string;
  readonly messages: number;
  /** False: it was here already. */
  readonly taken: boolean;
  readonly evaluation: boolean;
  /** Who signed the index and who stamped the tree, as their certificates say. */
  readonly authorities: readonly string[];
}

/** Whether the ZIP is a package of distribution with all evidence of its package. */
export function isCompletePackage(zip: ForeignZip): boolean {
  return zip.has(EVIDENCE_FILES.seal) && zip.has(EVIDENCE_FILES.leaves);
}

/**
 * Checks everything, then takes the package. Repeating an interrupted import finishes it. `source`: for the journal.
 * Rejects with an ImportError that says what is wrong; nothing shows then.
 */
export async function importPackage(
  shop: Workshop,
  account: AccountStore,
  zip: ForeignZip,
  source: { readonly file: string; readonly sha256: string },
): Promise<ImportedPackage> {
  const staging = join(account.directory, `${STAGING}${source.sha256.slice(0, 16)}`);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o700 });
  try {
    const seal = await stageEvidence(zip, staging, account.address);
    const { packageId } = seal;
    const authorities = await inspect(shop, staging);
    const report = { packageId, messages: seal.messages.length, evaluation: seal.evaluation, authorities };
    if ((await account.packages()).some(known => known.packageId === packageId)) return { ...report, taken: false };
    const held = await holdMessages(account, zip, seal, staging);
    await checkRenewedRecords(shop, account, seal, staging, held);
    const handles = await fileMessages(account, held);
    await shop.step('import filed');
    await record(shop, account, seal, staging, source);
    await openPackage(account, packageId);
    await shop.step('import opened');
    const directory = await account.evidenceDirectory(packageId);
    await rmdir(directory);
    await rename(staging, directory);
    await syncDirectory(dirname(directory));
    await shop.step('import placed');
    await closePackage(shop, account, seal, handles);
    shop.logger.info({ account: account.address, package: packageId, messages: handles.size }, 'package imported');
    return { ...report, taken: true };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Only files that a package has leave the ZIP, each flushed; the seal, which they are compared with, among them. */
async function stageEvidence(zip: ForeignZip, staging: string, address: string): Promise<PackageSeal> {
  const known = new Set<string>(Object.values(EVIDENCE_FILES));
  for (const name of zip.names()) {
    if (!known.has(name) && !RENEWAL.test(name)) continue;
    if (zip.sizeOf(name) > MAX_EVIDENCE) throw new ImportError(`${name} is too large`);
    await pipeline(await zip.stream(name), createWriteStream(join(staging, name), { mode: 0o600, flush: true }));
  }
  await syncDirectory(staging);
  const seal = await readSeal(staging).catch(error => {
    throw new ImportError(error instanceof Error ? error.message : String(error));
  });
  if (seal === null) throw new ImportError(`${EVIDENCE_FILES.seal} is missing`);
  for (const name of Object.keys(seal.files)) {
    if (!known.has(name)) throw new ImportError(`${EVIDENCE_FILES.seal} names ${name}, which no package has`);
  }
  if (!PACKAGE_ID.test(seal.packageId)) throw new ImportError('the package has no valid identifier');
  if (seal.account !== address)
    throw new ImportError(`the package is of the mailbox ${seal.account}, not of ${address}`);
  return seal;
}

/** Digests, signatures, stamps, tree and renewals. Gives who signed and stamped. */
async function inspect(shop: Workshop, staging: string): Promise<string[]> {
  const { findings, stamps } = await shop.pool.run('inspectEvidence', { directory: staging });
  const fault = findings.find(finding => finding.fault !== null);
  if (fault !== undefined) throw new ImportError(`${fault.file}: ${fault.fault}`);
  return [...new Set(stamps.map(({ authority }) => authority))];
}

/** SHA-256 to handle for what is here already, else to the message that is going to be filed. */
type Held = ReadonlyMap<string, string | HeldMessage>;

async function holdMessages(account: AccountStore, zip: ForeignZip, seal: PackageSeal, staging: string): Promise<Held> {
  const held = new Map<string, string | HeldMessage>();
  for (let start = 0; start < seal.messages.length; start += GROUP) {
    const group = seal.messages.slice(start, start + GROUP);
    const paths = group.map(({ sha256 }) => metadataPaths(sha256));
    const metadata = await readMetadata(
      join(staging, EVIDENCE_FILES.metadata),
      paths.flatMap(({ document, message }) => [document, message]),
    );
    for (const { sha256 } of group) {
      const { document, message } = metadataPaths(sha256);
      const filing = filingOf(text(metadata.get(document)), text(metadata.get(message)), seal.sealedAt);
      // Read in any case: what is to be imported must be whole.
      const taken = await holdMessage(account, zip, sha256, filing);
      held.set(sha256, (await account.findBySha256(sha256)) ?? taken);
    }
  }
  return held;
}

async function holdMessage(
  account: AccountStore,
  zip: ForeignZip,
  sha256: string,
  filing: Filing,
): Promise<HeldMessage> {
  const name = `messaggi/${documentName(sha256)}`;
  if (zip.sizeOf(name) > MAX_MESSAGE) throw new ImportError(`${name} is too large`);
  const spool = await account.spool();
  const hash = createHash('sha256');
  try {
    for await (const chunk of await zip.stream(name)) {
      hash.update(chunk);
      await spool.write(chunk);
    }
    if (hash.digest('hex') !== sha256) throw new ImportError(`${name} is not what was conserved`);
  } catch (error) {
    await spool.discard();
    throw error;
  }
  return account.hold({ tree: 'archive' }, spool, filing);
}

function text(bytes: Buffer | undefined): string {
  return bytes?.toString('utf8') ?? '';
}

/** Where a tree was hashed anew, each message must be under the newer stamps as well. */
async function checkRenewedRecords(
  shop: Workshop,
  account: AccountStore,
  seal: PackageSeal,
  staging: string,
  held: Held,
): Promise<void> {
  const records: { readonly message: string; readonly size: number; readonly sha256: string }[] = [];
  for (const { sha256 } of seal.messages) {
    const one = held.get(sha256);
    if (one === undefined) continue;
    if (typeof one === 'string') records.push(await account.record(one));
    else records.push({ message: one.message, size: one.size, sha256 });
  }
  const { port1: here, port2: port } = new MessageChannel();
  try {
    supply(account, records, here);
    const messages = records.map(({ sha256, size }) => ({ sha256, size }));
    const [fault] = await shop.pool.run('checkRecords', { directory: staging, messages, port }, { transfer: [port] });
    if (fault !== undefined) throw new ImportError(`${fault.file}: ${fault.reason}`);
  } finally {
    here.close();
  }
}

async function fileMessages(account: AccountStore, held: Held): Promise<Map<string, string>> {
  const handles = new Map<string, string>();
  const waiting: HeldMessage[] = [];
  for (const [sha256, one] of held) {
    handles.set(sha256, typeof one === 'string' ? one : one.message);
    if (typeof one !== 'string') waiting.push(one);
  }
  for (let start = 0; start < waiting.length; start += GROUP) {
    await account.fileHeld({ tree: 'archive' }, waiting.slice(start, start + GROUP));
  }
  return handles;
}

/** In the journal before the package is there: that it came from elsewhere, and which renewals came with it. */
async function record(
  shop: Workshop,
  account: AccountStore,
  seal: PackageSeal,
  staging: string,
  source: { readonly file: string; readonly sha256: string },
): Promise<void> {
  const { packageId: id, messages, evaluation } = seal;
  await account.appendJournal('imported', 'import', { package: id, messages: messages.length, evaluation, ...source });
  for (let number = 1; ; number++) {
    const file = renewalName(number);
    const digest = await shop.pool.run('digestFile', { path: join(staging, file) });
    if (digest === null) return;
    await account.appendJournal('renewed', 'import', { package: id, file, sha256: digest.sha256 });
  }
}
