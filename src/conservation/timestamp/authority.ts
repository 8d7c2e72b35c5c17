import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { pemDecodeAll } from '../../pki/pem.ts';
import { ConservationConfigError, TimestampError } from '../errors.ts';
import type { SigningKey } from '../signature/cms.ts';
import type { ConservationPool } from '../threads/pool.ts';
import type { Timestamp, TimestampAuthority } from '../types.ts';
import { requestTimestamp, type TimestampClientSettings } from './client.ts';

type Configured = NonNullable<Config['conservation']['timestamp']>;
type OneConfigured = Exclude<Configured, readonly unknown[]>;

/** How long a TSA that failed is passed over, while another is there: first, doubled each time, and at most. */
const FIRST_REST = 30_000;
const MAX_REST = 1_800_000;

interface Authority {
  readonly settings: TimestampClientSettings;
  failures: number;
  /** Until then others are asked first. */
  restsUntil: number;
}

interface Options {
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * The configured TSAs, asked in their order until one gives a good stamp; one that failed comes last for a while. Throws
 * a ConservationConfigError that names the key at fault; does not ask the TSAs anything.
 */
export async function createTimestampAuthority(
  pool: ConservationPool,
  config: Configured,
  options: Options,
): Promise<TimestampAuthority> {
  const authorities: Authority[] = [];
  for (const [index, one] of (Array.isArray(config) ? config : [config]).entries()) {
    const key = Array.isArray(config) ? `conservation.timestamp[${index}]` : 'conservation.timestamp';
    authorities.push({ settings: await settingsOf(one, key), failures: 0, restsUntil: 0 });
  }
  return { evaluation: false, stamp: digest => stampInOrder(pool, authorities, digest, options) };
}

async function stampInOrder(
  pool: ConservationPool,
  authorities: readonly Authority[],
  digest: Uint8Array,
  options: Options,
): Promise<Timestamp> {
  const { now, logger, signal } = options;
  const resting = (authority: Authority) => authority.restsUntil > now();
  const order = [...authorities.filter(one => !resting(one)), ...authorities.filter(resting)];
  const faults: string[] = [];
  for (const authority of order) {
    signal.throwIfAborted();
    const { settings } = authority;
    try {
      const stamped = await requestTimestamp(settings, digest, {
        now,
        signal,
        check: (bytes, query, trust) => pool.run('checkTimestamp', { bytes, query, trust }),
      });
      authority.failures = 0;
      authority.restsUntil = 0;
      return { token: stamped.token, certificates: unique([...stamped.certificates, ...settings.anchors]) };
    } catch (error) {
      signal.throwIfAborted();
      authority.restsUntil = now() + Math.min(MAX_REST, FIRST_REST * 2 ** authority.failures);
      authority.failures++;
      const fault = error instanceof Error ? error.message : String(error);
      faults.push(fault);
      logger.warn({ tsa: settings.url, failures: authority.failures, err: error }, 'no time stamp from this authority');
    }
  }
  throw new TimestampError(faults.join('; '));
}

async function settingsOf(config: OneConfigured, key: string): Promise<TimestampClientSettings> {
  const password =
    config.passwordFile === undefined
      ? null
      : (await read(`${key}.passwordFile`, config.passwordFile)).replace(/\r?\n$/, '');
  const anchors =
    config.caFile === undefined
      ? []
      : pemDecodeAll(await read(`${key}.caFile`, config.caFile))
          .filter(block => block.label === 'CERTIFICATE')
          .map(block => block.der);
  if (config.caFile !== undefined && anchors.length === 0) {
    throw new ConservationConfigError(`${key}.caFile: no certificate in ${config.caFile} (PEM wanted)`);
  }
  return {
    url: config.url,
    username: config.username ?? null,
    password,
    policy: config.policy ?? null,
    anchors,
    timeout: config.timeoutSeconds * 1000,
  };
}

/** Stamps made here, without legal value. */
export function createEvaluationAuthority(
  pool: ConservationPool,
  key: SigningKey,
  options: { readonly now: () => number },
): TimestampAuthority {
  return {
    evaluation: true,
    async stamp(digest) {
      const token = await pool.run('stampEvaluation', { key, digest, at: options.now() });
      return { token, certificates: key.certificates };
    },
  };
}

function unique(certificates: readonly Uint8Array[]): Uint8Array[] {
  const seen = new Map(certificates.map(der => [Buffer.from(der).toString('base64'), der]));
  return [...seen.values()];
}

async function read(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConservationConfigError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
