import packageJson from '../../package.json' with { type: 'json' };
import { pemEncode } from '../pki/pem.ts';
import type { AccountStore, QueuedMessage } from '../store/types.ts';
import { sealEvidence } from './evidence/package.ts';
import type { PackageSeal } from './evidence/seal.ts';
import { closePackage, openPackage } from './package/application.ts';
import { type PackageIds, packageIds } from './package/identifiers.ts';
import { storeErrorCode } from './store-error.ts';
import type { Inspected } from './threads/inspect.ts';
import { inspectQueued } from './threads/reader.ts';
import { EVIDENCE_FILES } from './types.ts';
import type { Workshop } from './workshop.ts';

/** Tries after which a message is refused (AgID guidelines: at least three). */
const MAX_ATTEMPTS = 3;

interface Accepted {
  readonly record: QueuedMessage;
  readonly inspected: Inspected;
}

/**
 * One batch: PdV, checks, RdV, PdA, evidence, conserved. Returns the messages that failed a check. Rejects, leaving the
 * queue as it was, when something else than a message is at fault: TSA, signer, store, disk.
 */
export async function conserveBatch(
  shop: Workshop,
  account: AccountStore,
  messages: readonly QueuedMessage[],
): Promise<{ readonly failed: readonly string[] }> {
  const checkedAt = shop.now();
  const failed: string[] = [];
  const accepted: Accepted[] = [];
  for await (const { record, inspected, reason } of inspectAll(shop, account, messages, checkedAt)) {
    if (inspected !== null) accepted.push({ record, inspected });
    else if (reason !== null) {
      failed.push(record.message);
      await fail(shop, account, record, reason);
    }
  }
  await shop.step('checked');
  if (accepted.length > 0) {
    const seal = await makePackage(shop, account, accepted, checkedAt);
    await closePackage(shop, account, seal);
    shop.logger.info({ account: account.address, package: seal.packageId, messages: accepted.length }, 'conserved');
  }
  return { failed };
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
  messages: readonly QueuedMessage[],
  checkedAt: number,
): AsyncGenerator<Outcome> {
  const running: Promise<Outcome>[] = [];
  try {
    for (const record of messages) {
      shop.signal.throwIfAborted();
      running.push(inspectOne(shop, account, record, checkedAt));
      if (running.length > shop.pool.threads) yield* next(running);
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
    const inspected = await inspectQueued(shop.pool, account, record, { holder: shop.agents.holder, checkedAt });
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

async function fail(shop: Workshop, account: AccountStore, record: QueuedMessage, reason: string): Promise<void> {
  const attempt = record.attempts + 1;
  const refused = attempt >= MAX_ATTEMPTS;
  shop.logger.warn({ account: account.address, message: record.message, attempt, refused, reason }, 'check failed');
  await account.queueFailed(record.message, reason, refused);
  await shop.step('failed');
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
  const report = await pool.run('buildReport', { head: { ...head, bytes }, entries });
  const signedReport = await signer.signAttached(report.bytes);
  await shop.step('reported');

  const documents = [
    { name: EVIDENCE_FILES.checks, format: 'application/json', extension: 'json', sha256: checks.sha256 },
    {
      name: EVIDENCE_FILES.signedReport,
      format: 'application/pkcs7-mime',
      extension: 'p7m',
      sha256: await pool.run('digestBytes', { bytes: signedReport }),
    },
  ];
  const groups = accepted.map(({ inspected }) => inspected.group);
  const index = await pool.run('buildIndex', { head: { ...head, documents }, groups });
  const signedIndex = await signer.signAttached(index.bytes);
  await shop.step('signed');
  const stamp = await shop.timestamps.stamp(Buffer.from(await pool.run('digestBytes', { bytes: signedIndex }), 'hex'));
  await shop.step('stamped');

  await openPackage(account, ids.pda);
  await shop.step('opened');
  const files = {
    [EVIDENCE_FILES.checks]: checks.bytes,
    [EVIDENCE_FILES.report]: report.bytes,
    [EVIDENCE_FILES.signedReport]: signedReport,
    [EVIDENCE_FILES.index]: index.bytes,
    [EVIDENCE_FILES.signedIndex]: signedIndex,
    [EVIDENCE_FILES.timestamp]: stamp.token,
    [EVIDENCE_FILES.signerChain]: pemChain(signer.certificates),
    [EVIDENCE_FILES.timestampChain]: pemChain(stamp.certificates),
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
  const checks = accepted.map(({ inspected }) => {
    for (const { sha256, der } of inspected.certificates) certificates.set(sha256, der);
    return { ...inspected.check, certificates: inspected.certificates.map(({ sha256 }) => sha256) };
  });
  return shop.pool.run('buildChecks', { packageId: ids.pda, checkedAt, checks, certificates: [...certificates] });
}

function pemChain(certificates: readonly Uint8Array[]): Uint8Array {
  return Buffer.from(certificates.map(der => pemEncode('CERTIFICATE', der)).join(''));
}
