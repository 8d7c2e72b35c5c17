import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/schema.ts';
import { pemDecodeAll } from '../../pki/pem.ts';
import { ConservationConfigError } from '../errors.ts';
import type { SigningKey } from '../signature/cms.ts';
import type { ConservationPool } from '../threads/pool.ts';
import type { TimestampAuthority } from '../types.ts';
import { requestTimestamp, type TimestampClientSettings } from './client.ts';

type TimestampConfig = NonNullable<Config['conservation']['timestamp']>;

/** The configured TSA. Throws a ConservationConfigError that names the key at fault; does not ask the TSA anything. */
export async function createTimestampAuthority(
  pool: ConservationPool,
  config: TimestampConfig,
  options: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<TimestampAuthority> {
  const password =
    config.passwordFile === undefined
      ? null
      : (await read('conservation.timestamp.passwordFile', config.passwordFile)).replace(/\r?\n$/, '');
  const anchors =
    config.caFile === undefined
      ? []
      : pemDecodeAll(await read('conservation.timestamp.caFile', config.caFile))
          .filter(block => block.label === 'CERTIFICATE')
          .map(block => block.der);
  if (config.caFile !== undefined && anchors.length === 0) {
    throw new ConservationConfigError(`conservation.timestamp.caFile: no certificate in ${config.caFile} (PEM wanted)`);
  }
  const settings: TimestampClientSettings = { url: config.url, username: config.username ?? null, password, anchors };
  return {
    evaluation: false,
    async stamp(sha256) {
      const stamped = await requestTimestamp(settings, sha256, {
        ...options,
        check: (bytes, query, trust) => pool.run('checkTimestamp', { bytes, query, trust }),
      });
      return { token: stamped.token, certificates: unique([...stamped.certificates, ...anchors]) };
    },
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
    async stamp(sha256) {
      const token = await pool.run('stampEvaluation', { key, sha256, at: options.now() });
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
