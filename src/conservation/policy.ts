import type { Config } from '../config/schema.ts';
import type { MessageRecord } from '../store/types.ts';

export type ConservationPolicy = Config['conservation']['policy'];

/**
 * Whether the account's policy asks for the conservation of an archived message. Of what arrived: `all`, `envelopes`
 * (buste di trasporto and their REM successors), `receipts` (ricevute and avvisi), `none`. What the mailbox sent counts
 * only with `outgoing`.
 */
export function policyAccepts(policy: ConservationPolicy, record: Pick<MessageRecord, 'category'>): boolean {
  if (record.category === 'Inviati') return policy.outgoing;
  switch (policy.incoming) {
    case 'all':
      return true;
    case 'envelopes':
      return record.category === 'Ricevuti';
    case 'receipts':
      return record.category === 'Ricevute' || record.category === 'Avvisi';
    case 'none':
      return false;
  }
}
