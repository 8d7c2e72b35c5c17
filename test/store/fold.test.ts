import fc from 'fast-check';
import { expect, it } from 'vitest';
import { titlecased } from '../../src/mime/casemap.ts';
import { fold, matches } from '../../src/store/search/fold.ts';

/** Letters of the scripts that mail in Italy is written in, with their oddities, and any others. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'aàÀeéÉèiIıİßſﬁǆǲσςΣάᾳЙйЁёçÇñ\u0301\u0300 .@12') }),
  fc.string({ unit: 'grapheme' }),
);

it('finds whatever i;unicode-casemap finds (RFC 5255 section 4.3)', () => {
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (before, needle, after, upper) => {
      const whole = before + (upper ? needle.toUpperCase() : needle) + after;
      fc.pre(titlecased(whole).includes(titlecased(needle)));
      expect(matches(fold(whole), needle)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

it('disregards accents and case', () => {
  for (const needle of ['perche', 'PERCHÉ', 'perchè', 'perche\u0301'])
    expect(matches(fold('Perché no'), needle)).toBe(true);
  expect(matches(fold('Perché no'), 'perchi')).toBe(false);
});
