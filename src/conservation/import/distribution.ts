/**
 * Import of a package of distribution, which proves some messages of a package: they are archived and conserved anew, and
 * so is the package itself, as a message with the ZIP attached. So the older proof is kept octet for octet, under stamps
 * that are renewed here.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AccountStore, HeldMessage } from '../../store/types.ts';
import { NO_LEGAL_VALUE } from '../agents.ts';
import { SUMS_FILE } from '../distribution/instructions.ts';
import { packageNotice } from '../distribution/message.ts';
import type { DigestName } from '../evidence/hash-tree.ts';
import { checkSignature, stampFacts } from '../evidence/inspection.ts';
import { readEvidenceRecord, verifyEvidenceRecord } from '../evidence/record.ts';
import { fileNotice } from '../file-notice.ts';
import { EVIDENCE_FILES } from '../types.ts';
import type { Workshop } from '../workshop.ts';
import { ImportError } from './error.ts';
import { filingOf, MAX_MESSAGE } from './filing.ts';
import type { ForeignZip } from './zip.ts';

/** What fits into a message. */
const MAX_ZIP = 150_000_000;
const MAX_FILE = 256 * 1024 * 1024;
const DIGESTS: readonly DigestName[] = ['sha256', 'sha384', 'sha512'];
const MESSAGE = /^((?:pacchetti\/[A-Za-z0-9-]{1,100}\/)?)messaggi\/([0-9a-f]{64})\.eml$/;

export interface ImportedDistribution {
  readonly messages: readonly string[];
  /** Who stamped, as their certificates say. */
  readonly authorities: readonly string[];
}

export function isDistribution(zip: ForeignZip): boolean {
  return zip.has(SUMS_FILE) && messagesOf(zip).length > 0;
}

/** Rejects with an ImportError that says what is wrong; nothing shows then. */
export async function importDistribution(
  shop: Workshop,
  account: AccountStore,
  zip: ForeignZip,
  path: string,
): Promise<ImportedDistribution> {
  const digest = await shop.pool.run('digestFile', { path });
  if (digest === null || digest.size > MAX_ZIP) throw new ImportError(`the package is larger than ${MAX_ZIP} octets`);
  await checkSums(zip);
  const authorities = new Set<string>();
  let stampedAt = 0;
  let evaluation = false;
  const indexes = new Map<string, string>();
  const held: { readonly sha256: string; readonly message: HeldMessage }[] = [];
  for (const { prefix, sha256 } of messagesOf(zip)) {
    let index = indexes.get(prefix);
    if (index === undefined) {
      const checked = await checkPackage(zip, prefix, account.address);
      index = checked.index;
      evaluation ||= checked.evaluation;
      indexes.set(prefix, index);
    }
    if (!index.includes(`>${sha256}<`)) throw new ImportError(`message ${sha256} is not in the signed index`);
    const { message, digests } = await holdMessage(account, zip, prefix, sha256);
    const stamps = await checkRecord(zip, `${prefix}prove/${sha256}/evidenza.ers`, digests);
    for (const { authority } of stamps) authorities.add(authority);
    stampedAt = Math.max(stampedAt, ...stamps.map(({ time }) => time));
    held.push({ sha256, message });
  }
  await account.fileHeld(
    { tree: 'archive' },
    held.map(({ message }) => message),
  );
  await shop.step('import filed');
  const messages = held.map(({ message }) => message.message);
  const carrier = await fileCarrier(shop, account, { messages, path, stampedAt, evaluation });
  await shop.step('import kept');
  const sha256s = held.map(({ sha256 }) => sha256);
  await account.appendJournal('imported-distribution', 'import', {
    file: basename(path),
    sha256: digest.sha256,
    messages: sha256s,
  });
  await account.queue([...messages, carrier]);
  return { messages: sha256s, authorities: [...authorities] };
}

function messagesOf(zip: ForeignZip): { readonly prefix: string; readonly sha256: string }[] {
  return [...zip.names()].flatMap(name => {
    const [, prefix, sha256] = MESSAGE.exec(name) ?? [];
    return prefix === undefined || sha256 === undefined ? [] : [{ prefix, sha256 }];
  });
}

/** Every file is listed with its digest, and every listed one is there. */
async function checkSums(zip: ForeignZip): Promise<void> {
  const listed = new Map<string, string>();
  for (const line of (await zip.read(SUMS_FILE, MAX_FILE)).toString('utf8').split('\n')) {
    const [, sha256, name] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (sha256 !== undefined && name !== undefined) listed.set(name, sha256);
  }
  for (const name of listed.keys()) if (!zip.has(name)) throw new ImportError(`${name} is missing in the ZIP`);
  for (const name of zip.names()) {
    if (name === SUMS_FILE) continue;
    const hash = createHash('sha256');
    for await (const chunk of await zip.stream(name)) hash.update(chunk);
    if (hash.digest('hex') !== listed.get(name)) throw new ImportError(`${name} is not what ${SUMS_FILE} says`);
  }
}

/** Signatures of index and report, and the stamp over the index. Gives the text of the index. */
async function checkPackage(
  zip: ForeignZip,
  prefix: string,
  address: string,
): Promise<{ readonly index: string; readonly evaluation: boolean }> {
  const read = (name: string) => zip.read(prefix + name, MAX_FILE);
  const chain = await read(EVIDENCE_FILES.signerChain);
  const signed = await read(EVIDENCE_FILES.signedIndex);
  const index = await read(EVIDENCE_FILES.index);
  const report = await read(EVIDENCE_FILES.report);
  told(`${prefix}${EVIDENCE_FILES.signedIndex}`, () => checkSignature(signed, index, chain));
  const signedReport = await read(EVIDENCE_FILES.signedReport);
  told(`${prefix}${EVIDENCE_FILES.signedReport}`, () => checkSignature(signedReport, report, chain));
  const sha256 = createHash('sha256').update(signedReport).digest('hex');
  if (!index.includes(`>${sha256}<`)) throw new ImportError('the report is not in the signed index');
  if (!report.includes(`>${address}<`)) throw new ImportError(`the package is not of the mailbox ${address}`);
  const digests = new Map(DIGESTS.map(name => [name, createHash(name).update(signed).digest()]));
  await checkRecord(zip, `${prefix}prove/indice/evidenza.ers`, digests);
  return { index: index.toString('utf8'), evaluation: report.toString('utf8').includes(NO_LEGAL_VALUE) };
}

async function checkRecord(zip: ForeignZip, name: string, digests: ReadonlyMap<DigestName, Uint8Array>) {
  const bytes = await zip.read(name, MAX_FILE);
  const stamps: { readonly time: number; readonly authority: string }[] = [];
  told(name, () =>
    verifyEvidenceRecord(
      readEvidenceRecord(bytes),
      digest => digests.get(digest) ?? Buffer.of(),
      (token, digest, root) => {
        const facts = stampFacts(token, root, digest);
        stamps.push(facts);
        return facts.time;
      },
    ),
  );
  return stamps;
}

/** What a check finds wrong, with the name of the file. */
function told(name: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw new ImportError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function holdMessage(account: AccountStore, zip: ForeignZip, prefix: string, sha256: string) {
  const name = `${prefix}messaggi/${sha256}.eml`;
  if (zip.sizeOf(name) > MAX_MESSAGE) throw new ImportError(`${name} is too large`);
  const metadata = async (kind: string) =>
    (await zip.read(`${prefix}metadati/${sha256}.${kind}.xml`, MAX_FILE)).toString('utf8');
  const filing = filingOf(await metadata('documento'), await metadata('messaggio'), Date.now());
  const spool = await account.spool();
  const hashes = new Map(DIGESTS.map(digest => [digest, createHash(digest)]));
  try {
    for await (const chunk of await zip.stream(name)) {
      for (const hash of hashes.values()) hash.update(chunk);
      await spool.write(chunk);
    }
  } catch (error) {
    await spool.discard();
    throw error;
  }
  const digests = new Map<DigestName, Uint8Array>([...hashes].map(([digest, hash]) => [digest, hash.digest()]));
  if (Buffer.from(digests.get('sha256') ?? []).toString('hex') !== sha256) {
    await spool.discard();
    throw new ImportError(`${name} is not what was conserved`);
  }
  return { message: await account.hold({ tree: 'archive' }, spool, filing), digests };
}

/** The ZIP as a message in `Pacchetti di distribuzione`; the same ZIP gives the same message. */
async function fileCarrier(
  shop: Workshop,
  account: AccountStore,
  what: {
    readonly messages: readonly string[];
    readonly path: string;
    readonly stampedAt: number;
    readonly evaluation: boolean;
  },
): Promise<string> {
  const records = await Promise.all(what.messages.map(message => account.record(message)));
  const request = { id: 0, messages: what.messages, requestedAt: what.stampedAt };
  const directory = await mkdtemp(join(account.directory, '.importazione-'));
  try {
    const path = join(directory, 'messaggio.eml');
    const notice = packageNotice(account.address, request, records, what.evaluation);
    await shop.pool.run('writePackageMessage', { ...notice, zip: what.path, path });
    return (await fileNotice(account, 'distribution', createReadStream(path), what.stampedAt)).message;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
