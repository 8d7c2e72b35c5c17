import type { Logger } from 'pino';
import type { Agents } from './agents.ts';
import type { Step } from './evidence/package.ts';
import type { Retention } from './metadata/document.ts';
import type { ConservationPool } from './threads/pool.ts';
import type { Signer, TimestampAuthority } from './types.ts';

/** What a batch works with. */
export interface Workshop {
  readonly pool: ConservationPool;
  readonly signer: Signer;
  readonly timestamps: TimestampAuthority;
  readonly agents: Agents;
  readonly retention: Retention;
  readonly evaluation: boolean;
  /** CAdES baseline of the signature on the index. */
  readonly signatureLevel: 'T' | 'B';
  /** What packages are made with, for the journal; plain JSON. */
  readonly settings: object;
  readonly logger: Logger;
  readonly now: () => number;
  readonly step: Step;
  /** Aborted when the service stops. */
  readonly signal: AbortSignal;
}
