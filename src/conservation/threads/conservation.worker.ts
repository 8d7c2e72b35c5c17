/** What conservation computes away from the connections' thread. Every export is one task; see pool.ts. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { contentOf } from '../../pki/der.ts';
import { pemEncode } from '../../pki/pem.ts';
import type { DistributionTask } from '../distribution/archive.ts';
import type { writePackageMessage as writeMessage } from '../distribution/message.ts';
import { EvidenceError, TooLargeError } from '../errors.ts';
import { HashTree } from '../evidence/hash-tree.ts';
import type { Inspection } from '../evidence/inspection.ts';
import { encodeLeaves, type Leaf } from '../evidence/leaves.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { packMetadata } from '../metadata/container.ts';
import { pdvDigest } from '../package/identifiers.ts';
import { type IndexHead, indexFrame } from '../package/index-xml.ts';
import { reportMessage } from '../report/report-message.ts';
import { type ReportHead, reportFrame } from '../report/report-xml.ts';
import {
  assembleSignature as assemble,
  type KeyKind,
  prepareSignature as prepare,
  type SigningKey,
  signAttached,
  signerParts,
  type Unsigned,
  withSignatureTimestamp,
} from '../signature/cms.ts';
import { makeEvaluationToken } from '../timestamp/evaluation.ts';
import type { TimestampQuery } from '../timestamp/request.ts';
import { checkTimestampResponse, type TimestampToken, type TimestampTrust } from '../timestamp/response.ts';
import type { MessageCheck } from '../types.ts';
import { type Inspected, type InspectTask, inspect, type Trust, type Uninspected } from './inspect.ts';
import { IssuerCertificates } from './issuers.ts';
import { RevocationLists } from './revocation.ts';

// The same array at every check: what was read from the anchors is remembered with it.
const trust: Trust = {
  anchors: workerData.anchors,
  fetchRevocation: workerData.fetchRevocation,
  revocation: new RevocationLists(),
  issuers: new IssuerCertificates(),
};

export interface DigestedFile {
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly sha256: string;
}

export const inspectMessage = (task: InspectTask): Promise<Inspected | Uninspected | null> => inspect(task, trust);

export const digestPdv = (task: { readonly sha256s: readonly string[] }): string => pdvDigest(task.sha256s);

export function buildReport(task: {
  readonly head: ReportHead;
  readonly entries: readonly Uint8Array[];
}): DigestedFile {
  return framed(reportFrame(task.head), task.entries);
}

export function buildIndex(task: { readonly head: IndexHead; readonly groups: readonly Uint8Array[] }): DigestedFile {
  return framed(indexFrame(task.head), task.groups);
}

export interface ChecksTask {
  readonly packageId: string;
  readonly checkedAt: number;
  readonly checks: readonly (MessageCheck & {
    readonly certificates: readonly string[];
    readonly revocationLists: readonly string[];
    readonly ocspResponses: readonly string[];
  })[];
  readonly certificates: readonly (readonly [sha256: string, der: Uint8Array])[];
  readonly revocationLists: readonly (readonly [sha256: string, der: Uint8Array])[];
  readonly ocspResponses: readonly (readonly [sha256: string, der: Uint8Array])[];
}

/** verifiche.json: the outcome for each message, and each certificate, revocation list and OCSP response once. */
export function buildChecks(task: ChecksTask): DigestedFile {
  const document = {
    version: 1,
    packageId: task.packageId,
    checkedAt: task.checkedAt,
    messages: task.checks,
    certificates: Object.fromEntries(task.certificates.map(([id, der]) => [id, pemEncode('CERTIFICATE', der)])),
    revocationLists: Object.fromEntries(task.revocationLists.map(([id, der]) => [id, pemEncode('X509 CRL', der)])),
    ocspResponses: Object.fromEntries(task.ocspResponses.map(([id, der]) => [id, pemEncode('OCSP RESPONSE', der)])),
  };
  return digested(Buffer.from(`${JSON.stringify(document, null, 1)}\n`));
}

export function buildReportMessage(task: {
  readonly account: string;
  readonly seal: PackageSeal;
  readonly signedReport: Uint8Array;
}): Uint8Array {
  return new Uint8Array(reportMessage(task.account, task.seal, task.signedReport));
}

export function signContent(task: {
  readonly key: SigningKey;
  readonly content: Uint8Array;
  readonly at: number;
}): Uint8Array {
  return new Uint8Array(signAttached(task.key, task.content, task.at));
}

export function prepareSignature(task: {
  readonly certificates: readonly Uint8Array[];
  readonly content: Uint8Array;
  readonly at: number;
}): Unsigned {
  const { attributes, ...unsigned } = prepare(task.certificates, task.content, task.at);
  return {
    ...unsigned,
    toBeSigned: new Uint8Array(unsigned.toBeSigned),
    attributes: attributes.map(attribute => new Uint8Array(attribute)),
  };
}

export function assembleSignature(task: {
  readonly certificates: readonly Uint8Array[];
  readonly unsigned: Unsigned;
  readonly signature: Uint8Array;
  readonly kind: KeyKind;
}): Uint8Array {
  return new Uint8Array(assemble(task.certificates, task.unsigned, task.signature, task.kind));
}

/** SHA-256 of the signature value: what a signature time-stamp is over. */
export function digestSignature(task: { readonly signed: Uint8Array }): Uint8Array {
  const { signature } = signerParts(task.signed);
  return new Uint8Array(createHash('sha256').update(contentOf(signature)).digest());
}

export function addSignatureTimestamp(task: { readonly signed: Uint8Array; readonly token: Uint8Array }): Uint8Array {
  return new Uint8Array(withSignatureTimestamp(task.signed, task.token));
}

export interface BuiltTree {
  /** foglie.txt. */
  readonly list: Uint8Array;
  readonly top: Uint8Array;
  readonly root: Uint8Array;
}

/** The tree of a package's leaves, and their list in the form of sha256sum. */
export function buildTree(task: { readonly leaves: readonly Leaf[] }): BuiltTree {
  const tree = new HashTree(task.leaves.map(({ sha256 }) => Buffer.from(sha256, 'hex')));
  return {
    list: new Uint8Array(encodeLeaves(task.leaves)),
    top: new Uint8Array(tree.top),
    root: new Uint8Array(tree.root),
  };
}

export async function buildMetadata(task: {
  readonly entries: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly at: number;
}): Promise<DigestedFile> {
  return digested(await packMetadata(task.entries, task.at));
}

export function stampEvaluation(task: {
  readonly key: SigningKey;
  readonly digest: Uint8Array;
  readonly at: number;
}): Uint8Array {
  return new Uint8Array(makeEvaluationToken(task.key, task.digest, task.at));
}

export function checkTimestamp(task: {
  readonly bytes: Uint8Array;
  readonly query: TimestampQuery;
  readonly trust: TimestampTrust;
}): TimestampToken {
  return checkTimestampResponse(task.bytes, task.query, task.trust);
}

export async function openPkcs12(task: { readonly bytes: Uint8Array; readonly password: string }): Promise<SigningKey> {
  // Half of this thread's start would go into a library that is wanted once in the life of the process.
  const { readPkcs12 } = await import('../signature/pkcs12.ts');
  return readPkcs12(task.bytes, task.password);
}

/** Null when it was written. Errors lose their class between threads; what the caller must tell apart is a value. */
export async function writeDistribution(
  task: DistributionTask,
): Promise<{ readonly kind: 'evidence' | 'too large'; readonly message: string } | null> {
  // Wanted now and then; see openPkcs12.
  const archive = await import('../distribution/archive.ts');
  try {
    await archive.writeDistribution(task);
    return null;
  } catch (error) {
    if (error instanceof EvidenceError) return { kind: 'evidence', message: error.message };
    if (error instanceof TooLargeError) return { kind: 'too large', message: error.message };
    throw error;
  }
}

export async function writePackageMessage(task: Parameters<typeof writeMessage>[0]): Promise<void> {
  const { writePackageMessage: write } = await import('../distribution/message.ts');
  await write(task);
}

export const inspectEvidence = async (task: { readonly directory: string }): Promise<Inspection> => {
  const { inspectPackage } = await import('../evidence/inspection.ts');
  return inspectPackage(task.directory);
};

export { hashAnew } from '../renewal/hash-anew.ts';
export { describeStamp } from '../renewal/status.ts';
export { checkJournal } from '../verification/chain.ts';
export { checkRecords, findUnlike } from '../verification/records.ts';

export const digestBytes = (task: { readonly bytes: Uint8Array }): string => hex(task.bytes);

/** Size and digest of a file; null when it is not there. */
export async function digestFile(task: { readonly path: string }): Promise<{ size: number; sha256: string } | null> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of createReadStream(task.path)) {
      hash.update(chunk);
      size += chunk.length;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  return { size, sha256: hash.digest('hex') };
}

function framed(frame: { readonly start: string; readonly end: string }, pieces: readonly Uint8Array[]): DigestedFile {
  return digested(Buffer.concat([Buffer.from(frame.start), ...pieces, Buffer.from(frame.end)]));
}

function digested(bytes: Uint8Array): DigestedFile {
  return { bytes: new Uint8Array(bytes), sha256: hex(bytes) };
}

function hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
