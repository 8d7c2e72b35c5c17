/** What is searched for, by class: each needle stands in a text that was kept when it was made. */
import type { TextMaker } from './text.ts';

const NEEDLES = 30;

/** Texts, and addresses of senders, that needles are taken from. */
export interface Samples {
  readonly texts: string[];
  readonly senders: string[];
}

export function needleClasses(maker: TextMaker, { texts, senders }: Samples): Record<string, readonly string[]> {
  const pick = <T>(from: readonly T[], index: number) => from[(index * 17) % from.length] as T;
  const make = (needle: (index: number) => string) => Array.from({ length: NEEDLES }, (_, index) => needle(index));
  const rank = new Map(maker.words.map((word, index) => [word, index]));
  const wordsOf = (index: number) => pick(texts, index).split(/\s+/);
  // The rarest word of a message; two neighbours; letters from the inside of a long word.
  const rare = (index: number) => wordsOf(index).reduce((a, b) => ((rank.get(a) ?? 0) > (rank.get(b) ?? 0) ? a : b));
  const long = (index: number) => {
    const seldom = wordsOf(index).filter(word => (rank.get(word) ?? 0) > 1_000);
    return seldom.reduce((a, b) => (a.length > b.length ? a : b));
  };
  const characters = (index: number, count: number) => pick(texts, index).slice(3 * index, 3 * index + count);
  return {
    'rare word': make(rare),
    'common word': make(index => maker.words[index] ?? ''),
    phrase: make(index => pick(texts, index).split('\r\n')[2]?.split(' ').slice(3, 5).join(' ') ?? ''),
    'inside a word': make(index => long(index).slice(1, -1)),
    address: make(index => pick(senders, index)),
    'one character': make(index => characters(index, 1)),
    'two characters': make(index => characters(index, 2)),
  };
}
