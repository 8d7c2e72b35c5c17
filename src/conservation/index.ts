import { X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { sha256Fingerprint } from '../pki/pem.ts';
import { agentsOf } from './agents.ts';
import { type EvaluationKeys, loadEvaluationKeys } from './evaluation-keys.ts';
import type { Step } from './evidence/package.ts';
import { Service, type ServiceTimes } from './service.ts';
import { loadSigningKey } from './signature/key-file.ts';
import { openPkcs11Signer } from './signature/pkcs11.ts';
import { createSigner } from './signature/signer.ts';
import { ConservationPool } from './threads/pool.ts';
import { createEvaluationAuthority, createTimestampAuthority } from './timestamp/authority.ts';
import type { ConservationService, Signer, TimestampAuthority } from './types.ts';

export { restOfExchange } from './distribution/exchange.ts';
export { createDistributionPackage } from './distribution/index.ts';
export { ConservationConfigError } from './errors.ts';
export { type ExportSummary, writeExport } from './export/build.ts';
export { exportWorkplace, findExport, publishExport, removeExpiredExports } from './export/links.ts';
export { type ConservationPolicy, policyAccepts } from './policy.ts';
export { type RenewalStatus, renewalStatus } from './renewal/status.ts';
export { noticeExport } from './term/notices.ts';
export { ConservationPool } from './threads/pool.ts';
export { verifyEvidence } from './verification/evidence.ts';
export { verifyJournal } from './verification/journal.ts';

export interface ConservationOptions {
  readonly config: Config['conservation'];
  /** Evaluation keys live in `evaluation/` below it. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** DER of the roots that certificates of gestori are checked against. */
  readonly anchors: readonly Uint8Array[];
  readonly times?: Partial<ServiceTimes>;
  /** Clock, milliseconds since the epoch. */
  readonly now?: () => number;
  /** Told after each step of a batch. */
  readonly step?: Step;
}

/**
 * Starts conservation: opens the signer and the TSA's settings, or the evaluation keys where they are not configured.
 * Rejects with a ConservationConfigError that names the config key at fault.
 */
export async function createConservationService(options: ConservationOptions): Promise<ConservationService> {
  const { config, logger, now = Date.now, step = () => {} } = options;
  const pool = new ConservationPool(options.anchors, config.fetchRevocation);
  const stopping = new AbortController();
  try {
    const evaluationKeys = needsEvaluationKeys(config) ? await loadEvaluationKeys(options.dataDir) : null;
    const signer = await openSigner(pool, config, evaluationKeys, now);
    const timestamps = await openTimestamps(pool, config, evaluationKeys, { now, logger, signal: stopping.signal });
    const evaluation = signer.evaluation || timestamps.evaluation || config.holder === undefined;
    if (evaluation) logger.warn('conservation runs for evaluation: its packages have no legal value');
    warnOfOpenChain(signer, logger);
    const agents = agentsOf(config);
    const settings = settingsOf(config, signer);
    return new Service(
      {
        pool,
        signer,
        timestamps,
        agents,
        retention: { years: config.retentionYears, confidential: config.confidential },
        evaluation,
        settings,
        signatureLevel: config.signatureLevel,
        logger,
        now,
        step,
        signal: stopping.signal,
      },
      { batch: config.batch, stopping, ...options.times },
    );
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Without secrets. */
function settingsOf(config: Config['conservation'], signer: Signer): object {
  const {
    policy,
    batch,
    signatureLevel,
    retentionYears,
    confidential,
    holder = null,
    responsible = null,
    timestamp = [],
  } = config;
  const [leaf] = signer.certificates;
  return {
    policy,
    batch,
    signatureLevel,
    retentionYears,
    confidential,
    holder,
    responsible,
    timestamp: [timestamp].flat().map(({ url }) => url),
    signer: leaf === undefined ? null : sha256Fingerprint(leaf),
  };
}

function needsEvaluationKeys(config: Config['conservation']): boolean {
  return config.signer === undefined || config.timestamp === undefined;
}

async function openSigner(
  pool: ConservationPool,
  config: Config['conservation'],
  keys: EvaluationKeys | null,
  now: () => number,
): Promise<Signer> {
  if (config.signer === undefined) {
    if (keys === null) throw new TypeError('no signer');
    return createSigner(pool, keys.signer, { evaluation: true, now });
  }
  if ('pkcs11' in config.signer) return openPkcs11Signer(pool, config.signer, now);
  const openPkcs12 = (bytes: Uint8Array, password: string) => pool.run('openPkcs12', { bytes, password });
  const key = await loadSigningKey(config.signer, openPkcs12, now());
  return createSigner(pool, key, { evaluation: false, now });
}

async function openTimestamps(
  pool: ConservationPool,
  config: Config['conservation'],
  keys: EvaluationKeys | null,
  options: { readonly now: () => number; readonly signal: AbortSignal; readonly logger: Logger },
): Promise<TimestampAuthority> {
  if (config.timestamp !== undefined) return createTimestampAuthority(pool, config.timestamp, options);
  if (keys === null) throw new TypeError('no time stamps');
  return createEvaluationAuthority(pool, keys.authority, options);
}

/** Whoever verifies a package needs the signer's chain up to its root; better to say so before the first one is made. */
function warnOfOpenChain(signer: Signer, logger: Logger): void {
  const last = signer.certificates.at(-1);
  if (last === undefined) return;
  const top = new X509Certificate(last);
  if (!top.checkIssued(top)) {
    logger.warn({ issuer: top.issuer }, 'conservation.signer: the chain does not reach its root certificate');
  }
}
