import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MessagePort } from 'node:worker_threads';
import { ZipFile } from 'yazl';
import { decodeBody } from '../../mime/transfer.ts';
import { contentOf, wholeOf } from '../../pki/der.ts';
import { pemDecodeAll, pemEncode } from '../../pki/pem.ts';
import type { MessageRecord } from '../../store/types.ts';
import { EvidenceError, TooLargeError } from '../errors.ts';
import { type Inspection, inspectPackage } from '../evidence/inspection.ts';
import { PackageProof } from '../evidence/proof.ts';
import { readSeal } from '../evidence/seal.ts';
import { attachmentsOf } from '../metadata/attachments.ts';
import { readMetadata } from '../metadata/container.ts';
import { documentName } from '../metadata/document.ts';
import { metadataPaths } from '../metadata/files.ts';
import { subjectOf } from '../metadata/words.ts';
import { oneLine } from '../report/notice.ts';
import { signerParts } from '../signature/cms.ts';
import { ask } from '../threads/supply.ts';
import { EVIDENCE_FILES, type MessageCheck } from '../types.ts';
import { zipDate } from '../zip-date.ts';
import {
  INSTRUCTIONS_FILE,
  instructions,
  type MessageFacts,
  PAGE_FILE,
  type PackageFacts,
  SUMS_FILE,
} from './instructions.ts';
import { type PageMessage, type PagePackage, page } from './page.ts';
import { proofFiles, stampFiles } from './proof-files.ts';

export interface DistributionTask {
  readonly account: string;
  /** In the order in which they are shown; their octets are asked for by number. */
  readonly items: readonly { readonly record: MessageRecord; readonly evidence: string }[];
  readonly port: MessagePort;
  /** The ZIP to be made. */
  readonly path: string;
  /** With every file of the packages' evidence, as another system needs it that takes the packages over. */
  readonly complete: boolean;
  /** The ZIP may not become larger; null: as large as it gets. */
  readonly limit: number | null;
}

const MAX_NAME = 100;
/** The attachments of a larger message are not taken out of it. */
const MAX_HELD = 160_000_000;
const SCHEMAS = new URL('../xsd/', import.meta.url);
/** What of a package's evidence goes out: nothing that tells of messages that were not asked for. */
const SHARED = [
  EVIDENCE_FILES.index,
  EVIDENCE_FILES.signedIndex,
  EVIDENCE_FILES.report,
  EVIDENCE_FILES.signedReport,
  EVIDENCE_FILES.timestamp,
  EVIDENCE_FILES.signerChain,
  EVIDENCE_FILES.timestampChain,
] as const;

type Entry = { readonly name: string } & (
  | { readonly bytes: Uint8Array }
  /** Made when its turn comes, so that one message at a time is in memory. */
  | { readonly open: () => AsyncIterable<Uint8Array>; readonly size?: number }
);

interface Prepared {
  readonly entries: readonly Entry[];
  readonly facts: PackageFacts;
  readonly page: PagePackage;
}

/**
 * Writes the ZIP of conserved messages: the messages, their attachments as files, the evidence, the schemas, and how to
 * check it all. The same packages give the same bytes. Throws an EvidenceError when a message or its evidence is not
 * what was sealed. Work for a worker thread.
 */
export async function writeDistribution(task: DistributionTask): Promise<void> {
  const byPackage = new Map<string, number[]>();
  for (const [item, { evidence }] of task.items.entries()) {
    byPackage.set(evidence, [...(byPackage.get(evidence) ?? []), item]);
  }
  const prepared: Prepared[] = [];
  for (const [evidence, items] of byPackage) {
    prepared.push(await preparePackage(task, evidence, items, byPackage.size > 1));
  }
  const text = instructions(
    task.account,
    prepared.map(({ facts }) => facts),
  );
  const shown = page(
    task.account,
    prepared.map(one => one.page),
  );
  const entries: Entry[] = [
    { name: INSTRUCTIONS_FILE, bytes: Buffer.from(text) },
    { name: PAGE_FILE, bytes: Buffer.from(shown) },
    ...prepared.flatMap(one => one.entries),
  ];
  for (const name of (await readdir(SCHEMAS)).toSorted()) {
    entries.push({ name: `xsd/${name}`, bytes: await readFile(new URL(name, SCHEMAS)) });
  }
  const latest = Math.max(...prepared.map(({ facts }) => facts.seal.sealedAt));
  await writeZip(task, entries, latest);
}

async function preparePackage(
  task: DistributionTask,
  evidence: string,
  items: readonly number[],
  several: boolean,
): Promise<Prepared> {
  const seal = await readSeal(evidence);
  if (seal === null) throw new EvidenceError(`${evidence}: not sealed`);
  const inspection = await inspectPackage(evidence);
  const fault = inspection.findings.find(finding => finding.fault !== null);
  if (fault !== undefined) throw new EvidenceError(`${evidence}: ${fault.file}: ${fault.fault}`);
  const prefix = several ? `pacchetti/${seal.packageId}/` : '';
  const read = (name: string) => readFile(join(evidence, name));
  const entries: Entry[] = [];
  const files = task.complete ? await evidenceFiles(evidence) : SHARED;
  for (const name of files) entries.push({ name: prefix + name, bytes: await read(name) });
  const proof = await PackageProof.read(evidence);
  for (const [index, renewal] of proof.renewals.entries()) {
    const { token, chain } = stampFiles(index + 1);
    const pem = renewal.certificates.map(der => pemEncode('CERTIFICATE', Buffer.from(der, 'base64')));
    entries.push({ name: prefix + token, bytes: Buffer.from(renewal.token, 'base64') });
    entries.push({ name: prefix + chain, bytes: Buffer.from(pem.join('')) });
  }
  const prove = (document: string, directory: string): readonly string[] => {
    const { files, commands } = proofFiles(proof, inspection.stamps, { prefix, document, directory });
    entries.push(...files.map(({ name, bytes }) => ({ name: prefix + name, bytes })));
    return commands;
  };
  const indexProof = prove(EVIDENCE_FILES.signedIndex, 'prove/indice');
  const checks = await readChecks(await read(EVIDENCE_FILES.checks));
  const metadata = await readMetadata(
    join(evidence, EVIDENCE_FILES.metadata),
    items.flatMap(item => Object.values(metadataPaths(recordOf(task, item).sha256))),
  );
  const messages: MessageFacts[] = [];
  const shown: PageMessage[] = [];
  for (const item of items) {
    const record = recordOf(task, item);
    const listed = seal.messages.some(({ sha256 }) => sha256 === record.sha256);
    if (!listed) throw new EvidenceError(`${evidence}: message ${record.message} is not in this package`);
    const file = `messaggi/${documentName(record.sha256)}`;
    const paths = Object.values(metadataPaths(record.sha256));
    const commands = prove(file, `prove/${record.sha256}`);
    for (const path of paths) entries.push({ name: prefix + path, bytes: metadata.get(path) ?? Buffer.of() });
    const check = checks.of(record.sha256);
    const certificateFile = check.certificates.length === 0 ? null : `certificati/${record.sha256}.pem`;
    if (certificateFile !== null) {
      entries.push({ name: prefix + certificateFile, bytes: Buffer.from(check.certificates.join('')) });
    }
    if (check.revocationLists.length > 0) {
      const bytes = Buffer.from(check.revocationLists.join(''));
      entries.push({ name: `${prefix}certificati/${record.sha256}.crl.pem`, bytes });
    }
    for (const [index, { der }] of pemDecodeAll(check.ocspResponses.join('')).entries()) {
      const name = `${prefix}certificati/${record.sha256}-${index + 1}.ocsp`;
      entries.push({ name, bytes: Buffer.from(der) });
    }
    const content = messageEntries(task, item, prefix, task.items.length === 1 ? '' : `${record.sha256}/`);
    entries.push(...content.entries);
    messages.push({
      file,
      sha256: record.sha256,
      subject: oneLine(subjectOf(record)) || '(senza oggetto)',
      metadata: paths,
      signed: check.signed,
      proof: commands,
    });
    shown.push({
      record,
      check: check.found,
      file: prefix + file,
      attachments: content.attachments,
      note: content.note,
      certificates: pemDecodeAll(check.certificates.join('')).map(({ der }) => der),
      certificateFile: certificateFile === null ? null : prefix + certificateFile,
    });
  }
  const signer = pemDecodeAll((await read(EVIDENCE_FILES.signerChain)).toString('latin1')).map(({ der }) => der);
  return {
    entries,
    facts: { seal, prefix, messages, indexProof, signature: await signatureFacts(evidence, inspection) },
    page: { seal, inspection, messages: shown, signer },
  };
}

async function evidenceFiles(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter(name => !name.startsWith('.')).toSorted();
}

function recordOf(task: DistributionTask, item: number): MessageRecord {
  const found = task.items[item];
  if (found === undefined) throw new RangeError('no such message');
  return found.record;
}

/** The message and the files attached to it, each read when its turn comes. */
function messageEntries(
  task: DistributionTask,
  item: number,
  prefix: string,
  folder: string,
): Pick<PageMessage, 'attachments' | 'note'> & { readonly entries: readonly Entry[] } {
  const record = recordOf(task, item);
  const held = record.size <= MAX_HELD;
  const files = attachmentsOf(record.structure.root, record.pec).map(({ name, node }, index) => ({
    name,
    node,
    file: `${prefix}allegati/${folder}${String(index + 1).padStart(3, '0')}-${safeName(name)}`,
  }));
  // From the message's own turn to that of its last attachment.
  let raw: Buffer | null = null;
  const entries: Entry[] = [
    {
      name: `${prefix}messaggi/${documentName(record.sha256)}`,
      size: record.size,
      open: async function* () {
        const hash = createHash('sha256');
        const kept = held && files.length > 0 ? Buffer.alloc(record.size) : null;
        let at = 0;
        for await (const piece of ask(task.port, item, record.size)) {
          hash.update(piece);
          kept?.set(piece, at);
          at += piece.length;
          yield piece;
        }
        if (hash.digest('hex') !== record.sha256) {
          throw new EvidenceError(`message ${record.message} is not what was conserved`);
        }
        raw = kept;
      },
    },
  ];
  if (!held)
    return { entries, attachments: [], note: 'Il messaggio è molto grande: gli allegati sono solo nel messaggio.' };
  for (const [index, { file, node }] of files.entries()) {
    entries.push({
      name: file,
      open: async function* () {
        if (raw === null) throw new EvidenceError('the message was not read');
        yield decodeBody(raw, node);
        if (index === files.length - 1) raw = null;
      },
    });
  }
  const attachments = files.map(({ name, file, node }) => ({ name, file, size: decodedSize(node) }));
  return { entries, attachments, note: null };
}

/** About how many octets a part has once decoded; for people. */
function decodedSize(node: {
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly encoding: string;
}): number {
  const length = node.bodyEnd - node.bodyStart;
  return node.encoding.toLowerCase() === 'base64' ? Math.floor((length * 57) / 78) : length;
}

async function signatureFacts(evidence: string, { signatureStamp }: Inspection): Promise<PackageFacts['signature']> {
  if (signatureStamp === null) return null;
  const signed = await readFile(join(evidence, EVIDENCE_FILES.signedIndex));
  const { signature, timestamp } = signerParts(signed);
  if (timestamp === null) return null;
  return {
    valueOffset: signature.contentStart - headerLength(contentOf(signature).length),
    tokenOffset: timestamp.start,
    tokenLength: wholeOf(timestamp).length,
    time: signatureStamp.time,
  };
}

/** Octets of identifier and length in DER. */
function headerLength(content: number): number {
  let octets = 2;
  if (content >= 0x80) for (let rest = content; rest > 0; rest = Math.floor(rest / 256)) octets++;
  return octets;
}

interface Checked {
  readonly found: MessageCheck | null;
  readonly signed: boolean;
  /** PEM. */
  readonly certificates: readonly string[];
  /** PEM. */
  readonly revocationLists: readonly string[];
  /** PEM. */
  readonly ocspResponses: readonly string[];
}

/** What the check said when the package was made. */
async function readChecks(bytes: Buffer): Promise<{ of(sha256: string): Checked }> {
  const document: {
    messages: (MessageCheck & { certificates: string[]; revocationLists?: string[]; ocspResponses?: string[] })[];
    certificates: Record<string, string>;
    revocationLists?: Record<string, string>;
    ocspResponses?: Record<string, string>;
  } = JSON.parse(bytes.toString('utf8'));
  const byDigest = new Map(document.messages.map(check => [check.sha256, check]));
  return {
    of(sha256) {
      const found = byDigest.get(sha256) ?? null;
      const status = found?.signature.status;
      return {
        found,
        signed: status === 'valid' || status === 'valid-with-remarks' || status === 'unknown-issuer',
        certificates: (found?.certificates ?? []).map(id => document.certificates[id] ?? ''),
        ocspResponses: (found?.ocspResponses ?? []).map(id => document.ocspResponses?.[id] ?? ''),
        revocationLists: (found?.revocationLists ?? []).map(id => document.revocationLists?.[id] ?? ''),
      };
    },
  };
}

/** Entries one after the other, and at the end the digests of all of them. */
async function writeZip(task: DistributionTask, entries: readonly Entry[], at: number): Promise<void> {
  const zip = new ZipFile();
  // A person waits for it, and what is large in mail is compressed already.
  const options = { mtime: zipDate(at), mode: 0o100644, forceDosTimestamp: true, compressionLevel: 3 };
  const sums = new Map<string, Hash>();
  for (const entry of entries) {
    const hash = createHash('sha256');
    sums.set(entry.name, hash);
    if ('bytes' in entry) {
      hash.update(entry.bytes);
      const { buffer, byteOffset, byteLength } = entry.bytes;
      zip.addBuffer(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength), entry.name, options);
    } else {
      const size = entry.size === undefined ? {} : { size: entry.size };
      zip.addReadStreamLazy(entry.name, { ...options, ...size }, done => {
        const stream = Readable.from(hashed(entry.open(), hash), { objectMode: false });
        // yazl listens to nobody's failure but its own.
        stream.on('error', error => zip.emit('error', error));
        done(null, stream);
      });
    }
  }
  zip.addReadStreamLazy(SUMS_FILE, options, done => {
    const lines = [...sums].map(([name, hash]) => `${hash.digest('hex')}  ${name}\n`);
    done(null, Readable.from([Buffer.from(lines.join(''))], { objectMode: false }));
  });
  zip.end();
  const failed = new Promise<never>((_, reject) => zip.on('error', reject));
  failed.catch(() => {});
  const output = createWriteStream(task.path, { mode: 0o600, flags: 'wx' });
  const written = pipeline(zip.outputStream, limited(task.limit), output);
  try {
    await Promise.race([written, failed]);
  } catch (error) {
    output.destroy();
    written.catch(() => {});
    throw error;
  }
}

async function* hashed(source: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

function limited(limit: number | null) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (limit !== null && size > limit) throw new TooLargeError(`the package is larger than ${limit} octets`);
      yield chunk;
    }
  };
}

/** A name that every file system takes, that leads nowhere else, and that sha256sum writes as it is. */
function safeName(name: string): string {
  const plain = name.replace(/[/\\:*?"<>|\x00-\x1f\x7f]/g, '_').replace(/^\.+|[. ]+$/g, '_');
  return plain.length <= MAX_NAME ? plain : `${plain.slice(0, MAX_NAME - 10)}${plain.slice(-10)}`;
}
