import packageJson from '../../package.json' with { type: 'json' };
import { pemEncode } from '../pki/pem.ts';
import type { AccountStore, JournalHead, QueuedMessage } from '../store/types.ts';
import type { Leaf } from './evidence/leaves.ts';
import { sealEvidence } from './evidence/package.ts';
import type { PackageSeal } from './evidence/seal.ts';
import { documentName, type Relations } from './metadata/document.ts';
import { closePackage, openPackage } from './package/application.ts';
import { type PackageIds, packageIds } from './package/identifiers.ts';
import { fileRefusal, type Refused } from './report/refusal.ts';
import { storeErrorCode } from './store-error.ts';
import type { Inspected } from './threads/inspect.ts';
import { inspectQueued } from './threads/reader.ts';
import { EVIDENCE_FILES } from './types.ts';
import type { Workshop } from './workshop.ts';

/** Tries after which a message is refused (AgID guidelines: at least three). */
const MAX_ATTEMPTS = 3;

/** Messages read and checked at the same time: while some are worked on, the next ones are read. At most 1 MiB of each is held. */
const AHEAD = 8;

type Member = Pick<QueuedMessage, 'message' | 'sha256' | 'size'>;

interface Accepted {
  readonly record: Member;
  readonly inspected: Inspected;
}

/**
 * One batch: PdV, checks, RdV, PdA, evidence, conserved. Gives how many messages there were, and those that failed a
 * check. Rejects, leaving the queue as it was, when something else than a message is at fault: TSA, signer, store, disk.
 */
export async function conserveBatch(
  shop: Workshop,
  account: AccountStore,
  messages: AsyncIterable<QueuedMessage>,
): Promise<{ readonly taken: number; readonly failed: readonly string[] }> {
  const checkedAt = shop.now();
  const accepted: Accepted[] = [];
  const failures: (Refused & { readonly attempt: number })[] = [];
  let taken = 0;
  for await (const { record, inspected, reason } of inspectAll(shop, account, messages, checkedAt)) {
    taken++;
    const { message, sha256, size } = record;
    // The rest of the record is large, and there are thousands.
    if (inspected !== null) accepted.push({ record: { message, sha256, size }, inspected });
    else if (reason !== null) failures.push({ record, reason, attempt: record.attempts + 1 });
  }
  await shop.step('checked');
  await recordFailures(shop, account, failures, checkedAt);
  if (accepted.length > 0) {
    const seal = await makePackage(shop, account, accepted, checkedAt);
    await closePackage(shop, account, seal);
    shop.logger.info({ account: account.address, package: seal.packageId, messages: accepted.length }, 'conserved');
  }
  return { taken, failed: failures.map(({ record }) => record.message) };
}

/** Counts the failed tries. The document of refusal is there before the messages leave the queue. */
async function recordFailures(
  shop: Workshop,
  account: AccountStore,
  failures: readonly (Refused & { readonly attempt: number })[],
  at: number,
): Promise<void> {
  const refused = failures.filter(({ attempt }) => attempt >= MAX_ATTEMPTS);
  if (refused.length > 0) {
    await fileRefusal(shop, account, refused, at);
    await shop.step('refused');
  }
  for (const { record, reason, attempt } of failures) {
    const last = attempt >= MAX_ATTEMPTS;
    const facts = { account: account.address, message: record.message, attempt, refused: last, reason };
    shop.logger.warn(facts, 'check failed');
    await account.queueFailed(record.message, reason, last);
    await shop.step('failed');
  }
}

interface Outcome {
  readonly record: QueuedMessage;
  readonly inspected: Inspected | null;
  /** Why a check failed, Italian; null with `inspected` null: the message is gone. */
  readonly reason: string | null;
}

/** In the queue's order, a few at a time. */
async function* inspectAll(
  shop: Workshop,
  account: AccountStore,
  messages: AsyncIterable<QueuedMessage>,
  checkedAt: number,
): AsyncGenerator<Outcome> {
  const running: Promise<Outcome>[] = [];
  try {
    for await (const record of messages) {
      shop.signal.throwIfAborted();
      running.push(inspectOne(shop, account, record, checkedAt));
      if (running.length >= AHEAD) yield* next(running);
    }
    while (running.length > 0) yield* next(running);
  } finally {
    // A fault ends the batch; what is still under way ends first, and its outcome does not matter.
    await Promise.allSettled(running);
  }
}

async function* next(running: Promise<Outcome>[]): AsyncGenerator<Outcome> {
  const first = running.shift();
  if (first !== undefined) yield await first;
}

async function inspectOne(
  shop: Workshop,
  account: AccountStore,
  record: QueuedMessage,
  checkedAt: number,
): Promise<Outcome> {
  const failed = (reason: string): Outcome => ({ record, inspected: null, reason });
  try {
    const inspected = await inspectQueued(shop.pool, account, record, {
      holder: shop.agents.holder,
      checkedAt,
      retention: shop.retention,
      relations: await relationsOf(account, record),
    });
    if (inspected !== null && 'failure' in inspected) {
      return failed(`Il controllo del messaggio si è interrotto: ${inspected.failure}.`);
    }
    if (inspected !== null) return { record, inspected, reason: null };
    return failed("Il messaggio riletto dall'archivio non corrisponde alla sua impronta SHA-256.");
  } catch (error) {
    const code = storeErrorCode(error);
    if (code === 'CORRUPTION') {
      return failed("Il messaggio non si può rileggere per intero dall'archivio: i suoi dati sono danneggiati.");
    }
    if (code === 'NONEXISTENT') return { record, inspected: null, reason: null };
    throw error;
  }
}

/** What ties the message to others: they may be in other packages, or not conserved at all. */
async function relationsOf(account: AccountStore, record: QueuedMessage): Promise<Relations | null> {
  const exchange = await account.exchange(record.message);
  const id = exchange?.msgid ?? exchange?.identificativo ?? null;
  if (exchange === null || id === null) return null;
  const about = exchange.sent === null || exchange.sent === record.message ? null : await account.record(exchange.sent);
  return { exchange: id, primary: about?.sha256 ?? null };
}

async function makePackage(
  shop: Workshop,
  account: AccountStore,
  accepted: readonly Accepted[],
  checkedAt: number,
): Promise<PackageSeal> {
  const { pool, signer } = shop;
  const createdAt = shop.now();
  const pdvDigest = await pool.run('digestPdv', { sha256s: accepted.map(({ record }) => record.sha256) });
  const ids = packageIds(account.address, pdvDigest, createdAt);
  const head = {
    ids,
    account: account.address,
    agents: shop.agents,
    createdAt,
    software: { version: packageJson.version },
    pdvDigest,
    messages: accepted.length,
    evaluation: shop.evaluation,
  };
  const checks = await buildChecks(shop, ids, accepted, checkedAt);
  const bytes = accepted.reduce((sum, { record }) => sum + record.size, 0);
  const entries = accepted.map(({ inspected }) => inspected.entry);
  const report = await pool.run(
    'buildReport',
    { head: { ...head, bytes }, entries },
    { transfer: entries.map(bufferOf) },
  );
  const signedReport = await signer.signAttached(report.bytes);
  await shop.step('reported');

  const metadata = accepted.flatMap(({ inspected }) => inspected.metadata);
  const container = await pool.run(
    'buildMetadata',
    { entries: metadata, at: createdAt },
    { transfer: metadata.map(entry => bufferOf(entry.bytes)) },
  );
  const journal = encodeJournalHead(account.address, await account.journalHead(), createdAt);
  const digestOf = (bytes: Uint8Array) => pool.run('digestBytes', { bytes });
  const journalSha256 = await digestOf(journal);
  const documents = [
    { name: EVIDENCE_FILES.checks, format: 'application/json', extension: 'json', sha256: checks.sha256 },
    {
      name: EVIDENCE_FILES.signedReport,
      format: 'application/pkcs7-mime',
      extension: 'p7m',
      sha256: await digestOf(signedReport),
    },
    { name: EVIDENCE_FILES.metadata, format: 'application/zip', extension: 'zip', sha256: container.sha256 },
    { name: EVIDENCE_FILES.journal, format: 'application/json', extension: 'json', sha256: journalSha256 },
  ];
  const groups = accepted.map(({ inspected }) => inspected.group);
  const index = await pool.run(
    'buildIndex',
    { head: { ...head, documents }, groups },
    { transfer: groups.map(bufferOf) },
  );
  const { signed: signedIndex, certificates: stampers } = await signIndex(shop, index.bytes);
  await shop.step('signed');
  const leaves: Leaf[] = [
    ...accepted.map(({ record }) => ({ sha256: record.sha256, name: `messaggi/${documentName(record.sha256)}` })),
    { sha256: await digestOf(signedIndex), name: EVIDENCE_FILES.signedIndex },
    { sha256: journalSha256, name: EVIDENCE_FILES.journal },
  ];
  const tree = await pool.run('buildTree', { leaves });
  const stamp = await shop.timestamps.stamp(tree.root);
  await shop.step('stamped');

  await openPackage(account, ids.pda);
  await shop.step('opened');
  const files = {
    [EVIDENCE_FILES.checks]: checks.bytes,
    [EVIDENCE_FILES.metadata]: container.bytes,
    [EVIDENCE_FILES.journal]: journal,
    [EVIDENCE_FILES.report]: report.bytes,
    [EVIDENCE_FILES.signedReport]: signedReport,
    [EVIDENCE_FILES.index]: index.bytes,
    [EVIDENCE_FILES.signedIndex]: signedIndex,
    [EVIDENCE_FILES.leaves]: tree.list,
    [EVIDENCE_FILES.top]: tree.top,
    [EVIDENCE_FILES.timestamp]: stamp.token,
    [EVIDENCE_FILES.signerChain]: pemChain(signer.certificates),
    [EVIDENCE_FILES.timestampChain]: pemChain([...stampers, ...stamp.certificates]),
  };
  const contents = {
    packageId: ids.pda,
    reportId: ids.rdv,
    account: account.address,
    evaluation: shop.evaluation,
    pdvDigest,
    messages: accepted.map(({ record, inspected }) => ({
      message: record.message,
      sha256: record.sha256,
      subject: inspected.subject,
      outcome: inspected.outcome,
    })),
  };
  return sealEvidence(pool, account, files, contents, shop);
}

function buildChecks(shop: Workshop, ids: PackageIds, accepted: readonly Accepted[], checkedAt: number) {
  const certificates = new Map<string, Uint8Array>();
  const lists = new Map<string, Uint8Array>();
  const responses = new Map<string, Uint8Array>();
  const checks = accepted.map(({ inspected }) => {
    for (const { sha256, der } of inspected.certificates) certificates.set(sha256, der);
    for (const { sha256, der } of inspected.revocationLists) lists.set(sha256, der);
    for (const { sha256, der } of inspected.ocspResponses) responses.set(sha256, der);
    return {
      ...inspected.check,
      certificates: inspected.certificates.map(({ sha256 }) => sha256),
      revocationLists: inspected.revocationLists.map(({ sha256 }) => sha256),
      ocspResponses: inspected.ocspResponses.map(({ sha256 }) => sha256),
    };
  });
  return shop.pool.run('buildChecks', {
    packageId: ids.pda,
    checkedAt,
    checks,
    certificates: [...certificates],
    revocationLists: [...lists],
    ocspResponses: [...responses],
  });
}

/** CAdES: baseline T has a time stamp over the signature value in it, baseline B has none. */
async function signIndex(
  shop: Workshop,
  index: Uint8Array,
): Promise<{ readonly signed: Uint8Array; readonly certificates: readonly Uint8Array[] }> {
  const signed = await shop.signer.signAttached(index);
  if (shop.signatureLevel === 'B') return { signed, certificates: [] };
  const { token, certificates } = await shop.timestamps.stamp(await shop.pool.run('digestSignature', { signed }));
  return { signed: await shop.pool.run('addSignatureTimestamp', { signed, token }), certificates };
}

/** giornale.json: under the stamp, so that what the journal said up to here cannot be told otherwise. */
function encodeJournalHead(account: string, head: JournalHead, at: number): Uint8Array {
  return Buffer.from(`${JSON.stringify({ version: 1, account, at, seq: head.seq, hash: head.hash }, null, 1)}\n`);
}

/** Each certificate once. */
function pemChain(certificates: readonly Uint8Array[]): Uint8Array {
  return Buffer.from([...new Set(certificates.map(der => pemEncode('CERTIFICATE', der)))].join(''));
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer as ArrayBuffer;
}
