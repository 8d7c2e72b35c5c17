/** What conservation computes away from the connections' thread. Every export is one task; see pool.ts. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { pemEncode } from '../../pki/pem.ts';
import type { DistributionTask } from '../distribution/archive.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { pdvDigest } from '../package/identifiers.ts';
import { type IndexHead, indexFrame } from '../package/index-xml.ts';
import { reportMessage } from '../report/report-message.ts';
import { type ReportHead, reportFrame } from '../report/report-xml.ts';
import { type SigningKey, signAttached } from '../signature/cms.ts';
import { makeEvaluationToken } from '../timestamp/evaluation.ts';
import type { TimestampQuery } from '../timestamp/request.ts';
import { checkTimestampResponse, type TimestampToken, type TimestampTrust } from '../timestamp/response.ts';
import type { MessageCheck } from '../types.ts';
import { type Inspected, type InspectTask, inspect, type Uninspected } from './inspect.ts';

// The same array at every check: what was read from the anchors is remembered with it.
const anchors: readonly Uint8Array[] = workerData.anchors;

export interface DigestedFile {
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly sha256: string;
}

export const inspectMessage = (task: InspectTask): Promise<Inspected | Uninspected | null> => inspect(task, anchors);

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
  readonly checks: readonly (MessageCheck & { readonly certificates: readonly string[] })[];
  readonly certificates: readonly (readonly [sha256: string, der: Uint8Array])[];
}

/** verifiche.json: the outcome for each message, and each certificate once. */
export function buildChecks(task: ChecksTask): DigestedFile {
  const document = {
    version: 1,
    packageId: task.packageId,
    checkedAt: task.checkedAt,
    messages: task.checks,
    certificates: Object.fromEntries(task.certificates.map(([id, der]) => [id, pemEncode('CERTIFICATE', der)])),
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

export function stampEvaluation(task: {
  readonly key: SigningKey;
  readonly sha256: Uint8Array;
  readonly at: number;
}): Uint8Array {
  return new Uint8Array(makeEvaluationToken(task.key, task.sha256, task.at));
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

export async function writeDistribution(task: DistributionTask): Promise<void> {
  // Wanted now and then; see openPkcs12.
  const archive = await import('../distribution/archive.ts');
  await archive.writeDistribution(task);
}

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
