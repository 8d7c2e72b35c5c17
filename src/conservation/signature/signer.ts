import { X509Certificate } from 'node:crypto';
import type { ConservationPool } from '../threads/pool.ts';
import type { Signer } from '../types.ts';
import type { SigningKey } from './cms.ts';
import { assertValidAt } from './key-file.ts';

/** A signer with its key in memory, working on the pool. Refuses, with the config's key, once its certificate expires. */
export function createSigner(
  pool: ConservationPool,
  key: SigningKey,
  options: { readonly evaluation: boolean; readonly now: () => number },
): Signer {
  const [leaf] = key.certificates;
  if (leaf === undefined) throw new TypeError('a signer needs a certificate');
  const certificate = new X509Certificate(leaf);
  return {
    certificates: key.certificates,
    evaluation: options.evaluation,
    async signAttached(content) {
      const at = options.now();
      assertValidAt(certificate, 'conservation.signer', at);
      return pool.run('signContent', { key, content, at });
    },
  };
}
