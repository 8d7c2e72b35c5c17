import fc from 'fast-check';
import { expect, it } from 'vitest';
import { italianStem } from '../../src/imap/search/stem.ts';

it.each([
  ['sentenza', 'sentenze'],
  ['udienza', 'udienze'],
  ['perizia', 'perizie'],
  ['notifica', 'notifiche'],
  ['avvocato', 'avvocati'],
])('%s and %s are forms of one word', (one, other) => {
  expect(italianStem(one)).toBe(italianStem(other));
});

it.each(['atti', '12345', 'mario.rossi@pec.example.it', 'N.R.G.', 'iva'])('leaves %s as it is', word => {
  expect(italianStem(word)).toBe(word);
});

it('is the beginning of the word', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'abcdeilnorstzèàù') }), word => {
      expect(word.startsWith(italianStem(word))).toBe(true);
    }),
  );
});
