import { stemmer } from '@orama/stemmers/italian';

/** A shorter stem is in words of every kind. */
const SHORTEST_STEM = 4;

/**
 * What the forms of an Italian word have in common, by the Snowball algorithm: `sentenz` for `sentenza` and `sentenze`.
 * Always the word's own beginning, so that the index finds it; the whole word where too little would be left, and where
 * it is no word but a number, an address or the like.
 */
export function italianStem(word: string): string {
  if (!/^\p{L}+$/u.test(word)) return word;
  const lower = word.toLowerCase();
  const stem = stemmer(lower);
  return stem.length >= SHORTEST_STEM && lower.startsWith(stem) ? stem : word;
}
