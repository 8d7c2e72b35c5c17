import { expect, test } from 'vitest';
import { type ConservationPolicy, policyAccepts } from '../../src/conservation/index.ts';
import { CATEGORIES } from '../../src/pec/types.ts';

const accepted = (policy: ConservationPolicy) => CATEGORIES.filter(category => policyAccepts(policy, { category }));

test.each([
  ['all', ['Ricevuti', 'Ricevute', 'Avvisi', 'Ordinaria']],
  ['envelopes', ['Ricevuti']],
  ['receipts', ['Ricevute', 'Avvisi']],
  ['none', []],
] as const)('incoming: %s', (incoming, categories) => {
  expect(accepted({ incoming, outgoing: false })).toEqual(categories);
  const withSent = CATEGORIES.filter(category => category === 'Inviati' || categories.some(one => one === category));
  expect(accepted({ incoming, outgoing: true })).toEqual(withSent);
});
