/**
 * A long needle is a long phrase of trigrams, and the index reads where each of them stands in every text. Few texts
 * hold the needle's rarest trigrams at all: those are found sooner, and then read.
 */
import type { AccountContext } from '../database/context.ts';
import { codePoints } from './fold.ts';

/** Trigrams from which on it pays; how many of them are looked at, and how many of these must be in a text. */
const LONG = 6;
const LOOKED_AT = 10;
const ASKED_FOR = 5;
/** What is seldom is told by the texts that the first so many occurrences are spread over. */
const OCCURRENCES = 64;
/** Texts whose reading takes less than the phrase would. */
const MAX_CANDIDATES = 300;

/** Messages in the index, at most `MAX_CANDIDATES`, among which are all that hold the needle; null when it names too many. */
export function candidates(context: AccountContext, needle: string): number[] | null {
  const trigrams = spread(distinctTrigrams(needle), LOOKED_AT);
  if (trigrams.length < LONG) return null;
  const nth = context
    .sql<number>(`SELECT rowid FROM search WHERE search MATCH ? LIMIT 1 OFFSET ${OCCURRENCES - 1}`)
    .pluck();
  const rarest = trigrams
    .map(trigram => ({ trigram, reached: nth.get(trigram) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => b.reached - a.reached)
    .slice(0, ASKED_FOR);
  const found = context
    .sql<number>(`SELECT rowid FROM search WHERE search MATCH ? LIMIT ${MAX_CANDIDATES + 1}`)
    .pluck()
    .all(`NEAR(${rarest.map(({ trigram }) => trigram).join(' ')}, ${codePoints(needle)})`);
  return found.length > MAX_CANDIDATES ? null : found;
}

/** As FTS5 strings. */
function distinctTrigrams(needle: string): string[] {
  const characters = [...needle];
  const found = new Set<string>();
  for (let at = 0; at + 3 <= characters.length; at++) found.add(characters.slice(at, at + 3).join(''));
  return [...found].map(trigram => `"${trigram.replaceAll('"', '""')}"`);
}

/** About so many of them, evenly from all over. */
function spread<T>(all: readonly T[], count: number): T[] {
  const stride = Math.max(1, all.length / count);
  const found: T[] = [];
  for (let at = 0; at < all.length; at += stride) found.push(all[Math.floor(at)] as T);
  return found;
}
