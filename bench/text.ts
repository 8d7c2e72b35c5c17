/** Text with the shape of language: few words often, many seldom (Zipf), the same for the same seed. */

const SYLLABLES = 'ba ce di fo gu la mi no pe ra si to va zio ne sta tri con per del gna sco qua lle rra'.split(' ');

export class TextMaker {
  readonly words: readonly string[];
  #state: number;

  constructor(seed: number, vocabulary: number) {
    this.#state = seed >>> 0;
    const words = new Set<string>();
    while (words.size < vocabulary) {
      const length = 2 + this.#below(4);
      words.add(Array.from({ length }, () => SYLLABLES[this.#below(SYLLABLES.length)]).join(''));
    }
    this.words = [...words];
  }

  /** mulberry32 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  #below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Rank r with probability about 1/r. */
  word(): string {
    const rank = Math.floor(this.words.length ** this.next());
    return this.words[rank - 1] ?? '';
  }

  text(words: number): string {
    const lines: string[] = [];
    for (let made = 0; made < words; made += 11) lines.push(Array.from({ length: 11 }, () => this.word()).join(' '));
    return lines.join('\r\n');
  }
}
