import { SyntaxFailure } from './errors.ts';
import type { SequenceSet } from './wire/parser.ts';

/** Indices into the list of UIDs, `to` exclusive; the sequence number is the index + 1. */
interface IndexRange {
  from: number;
  to: number;
}

/** How the numbers of a set are meant. */
export type Numbers = 'uid' | 'sequence';

/** The UIDs of a selected mailbox as its client knows them: position is the sequence number. Ascending, each once. */
export class Numbering {
  #uids: Uint32Array;
  #count: number;
  /** Behind the one asked for last: most often it is asked for next. */
  #next = 0;

  constructor(uids: Uint32Array) {
    this.#uids = uids;
    this.#count = uids.length;
  }

  get count(): number {
    return this.#count;
  }

  get lastUid(): number {
    return this.#uids[this.#count - 1] ?? 0;
  }

  uidAt(number: number): number {
    return this.#uids[number - 1] ?? 0;
  }

  /** Sequence number of a UID, 0 when the client does not know it. */
  numberOf(uid: number): number {
    const next = this.#next;
    const index = next < this.#count && this.#uids[next] === uid ? next : this.#lowerBound(uid);
    this.#next = index + 1;
    return index < this.#count && this.#uids[index] === uid ? index + 1 : 0;
  }

  /** @param uid larger than every other */
  append(uid: number): void {
    if (this.#count === this.#uids.length) {
      const grown = new Uint32Array(Math.max(64, this.#count * 2));
      grown.set(this.#uids);
      this.#uids = grown;
    }
    this.#uids[this.#count++] = uid;
  }

  /** @returns the sequence numbers that the UIDs had, descending: each is valid when the ones before it are gone */
  remove(uids: Iterable<number>): number[] {
    const numbers: number[] = [];
    for (const uid of uids) {
      const number = this.numberOf(uid);
      if (number !== 0) numbers.push(number);
    }
    numbers.sort((a, b) => b - a);
    const gone = new Set(numbers);
    let kept = 0;
    for (let index = 0; index < this.#count; index++) {
      if (!gone.has(index + 1)) this.#uids[kept++] = this.#uids[index] ?? 0;
    }
    this.#count = kept;
    return numbers;
  }

  /**
   * UIDs of a set, ascending, each once. A UID that is not there is passed over; a sequence number that is not there
   * is the client's error (RFC 3501 section 9, `seq-number`).
   * @param saved what `$` stands for
   */
  resolve(set: SequenceSet, numbers: Numbers, saved: readonly number[]): number[] {
    if (set === '$') return saved.filter(uid => this.numberOf(uid) !== 0);
    const resolved: number[] = [];
    for (const { from, to } of this.#indices(set, numbers, false)) {
      for (let index = from; index < to; index++) resolved.push(this.#uids[index] ?? 0);
    }
    return resolved;
  }

  /** The same as ranges of UIDs, for SEARCH, where a number that is not there matches nothing. */
  resolveRanges(set: SequenceSet, numbers: Numbers, saved: readonly number[]): (readonly [number, number])[] {
    if (set === '$') return saved.filter(uid => this.numberOf(uid) !== 0).map(uid => [uid, uid] as const);
    return this.#indices(set, numbers, true).map(
      ({ from, to }) => [this.#uids[from] ?? 0, this.#uids[to - 1] ?? 0] as const,
    );
  }

  /** Ascending, apart from each other, none empty. */
  #indices(set: Exclude<SequenceSet, '$'>, numbers: Numbers, lenient: boolean): IndexRange[] {
    const star = numbers === 'uid' ? this.lastUid : this.#count;
    const ranges: IndexRange[] = [];
    for (const [first, last] of set) {
      const low = Math.min(first ?? star, last ?? star);
      const high = Math.max(first ?? star, last ?? star);
      if (numbers === 'sequence' && !lenient && (low < 1 || high > this.#count)) {
        throw new SyntaxFailure('Message number out of range');
      }
      const from = numbers === 'uid' ? this.#lowerBound(low) : Math.max(low, 1) - 1;
      const to = numbers === 'uid' ? this.#lowerBound(high + 1) : Math.min(high, this.#count);
      if (from < to) ranges.push({ from, to });
    }
    ranges.sort((a, b) => a.from - b.from);
    const merged: IndexRange[] = [];
    for (const range of ranges) {
      const last = merged.at(-1);
      if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
      else merged.push({ ...range });
    }
    return merged;
  }

  /** Index of the first UID that is not smaller. */
  #lowerBound(uid: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#uids[middle] ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
