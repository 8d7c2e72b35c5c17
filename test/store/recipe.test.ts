import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodedLength } from '../../src/store/ingest/base64.ts';
import { decodeRecipe, encodeRecipe, type RecipeItem } from '../../src/store/ingest/recipe.ts';

const count = fc.oneof(fc.nat(3), fc.nat(200), fc.nat(2 ** 31));
const item: fc.Arbitrary<RecipeItem> = fc
  .record({
    piece: fc.oneof(fc.nat(5), fc.nat(200), fc.nat(2 ** 45)),
    offset: count,
    size: count,
    length: fc.option(count),
    base64: fc.option(
      fc.record({
        line: fc.constantFrom(4, 64, 76, 8192),
        crlf: fc.boolean(),
        closed: fc.boolean(),
      }),
    ),
  })
  .map(({ length, base64, ...slice }) => ({
    ...slice,
    // Most often it follows from the size.
    length: length ?? (base64 ? encodedLength(slice.size, base64, base64.closed) : slice.size),
    ...(base64 && { base64 }),
  }));

it('gives back every run of a recipe', () => {
  fc.assert(
    fc.property(fc.array(item), items => {
      expect(decodeRecipe(encodeRecipe(items))).toEqual(items);
    }),
    { numRuns: 500 },
  );
});

it('takes few octets for what goes on where the last run of its piece ended', () => {
  const base64 = { line: 76, crlf: true, closed: false };
  const items: RecipeItem[] = [
    { piece: 100_000, offset: 0, size: 900, length: 900 },
    { piece: 100_001, offset: 0, size: 90_000, length: encodedLength(90_000, base64, false), base64 },
    { piece: 100_000, offset: 900, size: 300, length: 300 },
  ];
  expect(encodeRecipe(items).length).toBeLessThan(20);
});
