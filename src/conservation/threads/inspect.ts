import type { AgentConfig } from '../../config/schema.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { SignatureOptions } from '../../pec/signature/anchors.ts';
import { verifySignature } from '../../pec/signature/index.ts';
import { issuerSources } from '../../pec/signature/issuers.ts';
import {
  enclosedLists,
  type RevocationOutcome,
  revocationSources,
  withRevocation,
} from '../../pec/signature/revocation.ts';
import type { SignatureOutcome } from '../../pec/types.ts';
import { sha256Fingerprint } from '../../pki/pem.ts';
import type { MessageRecord } from '../../store/types.ts';
import { attachmentDigests } from '../metadata/attachments.ts';
import type { Relations, Retention } from '../metadata/document.ts';
import { type MetadataFile, messageMetadata } from '../metadata/files.ts';
import { signatureInWords, subjectOf } from '../metadata/words.ts';
import { messageGroup } from '../package/index-xml.ts';
import { reportEntry } from '../report/report-xml.ts';
import type { MessageCheck } from '../types.ts';
import type { IssuerCertificates } from './issuers.ts';
import { type MessageSource, receive } from './receive.ts';
import type { KeptList, RevocationLists } from './revocation.ts';

export interface InspectTask extends MessageSource {
  readonly record: MessageRecord;
  readonly account: string;
  readonly holder: AgentConfig;
  readonly retention: Retention;
  readonly relations: Relations | null;
  readonly checkedAt: number;
}

/** What a thread checks signatures with. */
export interface Trust {
  readonly anchors: readonly Uint8Array[];
  /** False: nobody is asked; only what came with the message counts. */
  readonly fetchRevocation: boolean;
  readonly revocation: RevocationLists;
  readonly issuers: IssuerCertificates;
}

export interface Inspected {
  readonly check: MessageCheck;
  readonly subject: string;
  readonly outcome: string;
  readonly certificates: readonly { readonly sha256: string; readonly der: Uint8Array }[];
  readonly revocationLists: readonly KeptList[];
  readonly ocspResponses: readonly KeptList[];
  /** UTF-8: FileGroup of the index, entry of the report. */
  readonly group: Uint8Array;
  readonly entry: Uint8Array;
  readonly metadata: readonly Pick<MetadataFile, 'path' | 'bytes'>[];
}

/** The message made the inspection fail. */
export interface Uninspected {
  readonly failure: string;
}

/**
 * Reads a message to its last octet and compares it with its record; null when it is not what was stored. Then checks
 * the gestore's signature and writes the message's share of index and report. Never rejects.
 */
export async function inspect(task: InspectTask, trust: Trust): Promise<Inspected | Uninspected | null> {
  try {
    return await inspectWhole(task, trust);
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

async function inspectWhole(task: InspectTask, trust: Trust): Promise<Inspected | null> {
  const { record, account, holder, checkedAt } = task;
  const raw = await receive(record, task);
  if (raw === null) return null;
  const { outcome, lists, responses } =
    raw === 'too large'
      ? { outcome: NOT_CHECKED, lists: [], responses: [] }
      : await check(raw, record.structure.root, trust, checkedAt);
  const { certificates, ...signature } = outcome;
  const attachments =
    raw === 'too large' ? { count: 0, listed: [] } : attachmentDigests(raw, record.structure.root, record.pec);
  const metadata = messageMetadata({
    record,
    account,
    holder,
    signature,
    attachments,
    checkedAt,
    retention: task.retention,
    relations: task.relations,
  });
  return {
    check: { message: record.message, sha256: record.sha256, signature },
    subject: subjectOf(record),
    outcome: signatureInWords(signature.status),
    certificates: certificates.map(der => ({ sha256: sha256Fingerprint(der), der: new Uint8Array(der) })),
    revocationLists: lists.map(der => trust.revocation.keep(der)),
    ocspResponses: responses.map(der => trust.revocation.keep(der)),
    group: utf8(messageGroup(record, metadata).xml),
    entry: utf8(reportEntry(record, signature).xml),
    metadata: [metadata.document, metadata.message].map(({ path, bytes }) => ({ path, bytes })),
  };
}

/** More than stand between any gestore and its root. */
const MAX_FETCHED_ISSUERS = 3;

const NOT_CHECKED: SignatureOutcome = {
  status: 'none',
  reasons: ['Il messaggio è troppo grande: la firma non è stata verificata, gli allegati non sono elencati.'],
  digestAlgorithm: null,
  signingTime: null,
  signer: null,
  certificates: [],
};

/** The gestore's signature, with what its authorities say where they may be asked. Never rejects. */
export async function check(raw: Uint8Array, root: MimeNode, trust: Trust, at: number): Promise<RevocationOutcome> {
  const options = { anchors: trust.anchors, at };
  try {
    const outcome = await withIssuers(raw, root, trust, options);
    const enclosed = enclosedLists(raw, root);
    if (!trust.fetchRevocation) return withRevocation(outcome, { lists: enclosed, responses: [] }, options);
    const sources = revocationSources(outcome, options);
    const [fetched, responses] = await Promise.all([
      trust.revocation.fetch(sources.lists),
      trust.revocation.ask(sources.queries),
    ]);
    return withRevocation(outcome, { lists: [...enclosed, ...fetched], responses }, options);
  } catch (error) {
    // Whatever a message does to the check is a finding about the message, and no reason to refuse it.
    const reason = `La verifica della firma si è interrotta: ${error instanceof Error ? error.message : String(error)}`;
    return { outcome: { ...NOT_CHECKED, status: 'broken', reasons: [reason] }, lists: [], responses: [] };
  }
}

/** The outcome, after what its path lacks has been fetched; what helped is among its certificates. */
async function withIssuers(
  raw: Uint8Array,
  root: MimeNode,
  trust: Trust,
  options: SignatureOptions,
): Promise<SignatureOutcome> {
  let outcome = verifySignature(raw, root, options);
  if (!trust.fetchRevocation) return outcome;
  let fetched: readonly Uint8Array[] = [];
  for (let step = 0; step < MAX_FETCHED_ISSUERS; step++) {
    const urls = issuerSources(outcome, fetched);
    const found = urls.length === 0 ? [] : await trust.issuers.fetch(urls);
    if (found.length === 0) return outcome;
    fetched = [...fetched, ...found];
    const again = verifySignature(raw, root, { ...options, intermediates: fetched });
    outcome =
      again.status === outcome.status ? outcome : { ...again, certificates: [...again.certificates, ...fetched] };
  }
  return outcome;
}

function utf8(xml: string): Uint8Array {
  // Own buffer: it is transferred to the main thread.
  return new Uint8Array(Buffer.from(`${xml}\n`, 'utf8'));
}
