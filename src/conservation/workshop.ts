import type { Logger } from 'pino';
import type { Agents } from './agents.ts';
import type { Step } from './evidence/package.ts';
import type { ConservationPool } from './threads/pool.ts';
import type { Signer, TimestampAuthority } from './types.ts';

/** What a batch works with. */
export interface Workshop {
  readonly pool: ConservationPool;
  readonly signer: Signer;
  readonly timestamps: TimestampAuthority;
  readonly agents: Agents;
  readonly evaluation: boolean;
  readonly logger: Logger;
  readonly now: () => number;
  readonly step: Step;
  /** Aborted when the service stops. */
  readonly signal: AbortSignal;
}
