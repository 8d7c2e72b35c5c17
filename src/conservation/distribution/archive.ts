import { createWriteStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { decodeBody } from '../../mime/transfer.ts';
import type { MessageRecord } from '../../store/types.ts';
import { EvidenceError } from '../errors.ts';
import { readSeal } from '../evidence/seal.ts';
import { attachmentsOf } from '../metadata/attachments.ts';
import { documentName } from '../metadata/document.ts';
import { type MessageSource, receive } from '../threads/receive.ts';
import { EVIDENCE_FILES, type MessageCheck } from '../types.ts';
import { INSTRUCTIONS_FILE, instructions } from './instructions.ts';

export interface DistributionTask extends MessageSource {
  readonly record: MessageRecord;
  /** Directory of the evidence. */
  readonly evidence: string;
  /** The ZIP to be made. */
  readonly path: string;
}

const MAX_NAME = 100;
const SCHEMAS = new URL('../xsd/', import.meta.url);

/**
 * Writes the ZIP of a conserved message: the message, its attachments as files, the evidence, the schemas, and how to
 * check it all. The same package gives the same bytes. Throws an EvidenceError when the message or its evidence is not
 * what was sealed. Work for a worker thread.
 */
export async function writeDistribution(task: DistributionTask): Promise<void> {
  const { record, evidence, path } = task;
  const seal = await readSeal(evidence);
  if (seal === null) throw new EvidenceError(`${evidence}: not sealed`);
  const raw = await receive(record, task);
  if (raw === null) throw new EvidenceError(`message ${record.message} is not what was conserved`);
  if (raw === 'too large') throw new EvidenceError(`message ${record.message} is too large for a package`);
  const listed = seal.messages.some(({ sha256 }) => sha256 === record.sha256);
  if (!listed) throw new EvidenceError(`${evidence}: message ${record.message} is not in this package`);

  const zip = new ZipFile();
  const written = pipeline(zip.outputStream, createWriteStream(path, { mode: 0o600, flags: 'wx' }));
  const add = (name: string, bytes: Uint8Array) =>
    zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, {
      mtime: new Date(seal.sealedAt),
      mode: 0o100644,
    });
  add(INSTRUCTIONS_FILE, Buffer.from(instructions({ seal, sha256: record.sha256, signed: await isSigned(task) })));
  add(`messaggi/${documentName(record.sha256)}`, raw);
  for (const [index, { name, node }] of attachmentsOf(record.structure.root, record.pec).entries()) {
    add(`allegati/${String(index + 1).padStart(3, '0')}-${safeName(name)}`, decodeBody(raw, node));
  }
  for (const name of [...Object.keys(seal.files), EVIDENCE_FILES.seal]) add(name, await readFile(join(evidence, name)));
  for (const name of (await readdir(SCHEMAS)).toSorted()) add(`xsd/${name}`, await readFile(new URL(name, SCHEMAS)));
  zip.end();
  await written;
}

/** What the check said when the package was made. */
async function isSigned({ evidence, record }: DistributionTask): Promise<boolean> {
  const checks: { messages: MessageCheck[] } = JSON.parse(
    await readFile(join(evidence, EVIDENCE_FILES.checks), 'utf8'),
  );
  const status = checks.messages.find(({ sha256 }) => sha256 === record.sha256)?.signature.status;
  return status === 'valid' || status === 'valid-with-remarks' || status === 'unknown-issuer';
}

/** A name that every file system takes and that leads nowhere else. */
function safeName(name: string): string {
  const plain = name.replace(/[/\\:*?"<>|\x00-\x1f\x7f]/g, '_').replace(/^\.+|[. ]+$/g, '_');
  return plain.length <= MAX_NAME ? plain : `${plain.slice(0, MAX_NAME - 10)}${plain.slice(-10)}`;
}
