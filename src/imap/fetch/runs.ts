import { INLINE_FETCH_BYTES } from '../../store/limits.ts';
import {
  type AccountStore,
  type FetchedMessage,
  type FetchRequest,
  type SectionSpec,
  StoreError,
  type View,
} from '../../store/types.ts';

/** Messages asked of the store at a time: without bytes of the message; with, to begin with and at most. */
const ROWS = 400;
const FIRST_BODIES = 20;
const MOST_BODIES = 250;
/** Octets that a run should come to where it is not known before: most of a room. */
const RUN_BYTES = 2.25 * 1024 * 1024;
/** Messages whose sizes are asked for at a time, and runs that are left when the next are asked for. */
const SIZES = 1_000;
const FEW = 4;

/** How a FETCH is cut into runs: as many messages as one answer of the store holds. */
export interface Runs {
  /** Whether one run will do. */
  readonly single: boolean;
  /** UIDs of the next run; null at the end. */
  next(): Promise<readonly number[] | null>;
  /** What came of a run. */
  learn(rows: readonly FetchedMessage[]): void;
}

/** @param uids ascending */
export function cutIntoRuns(
  store: Pick<AccountStore, 'fetch'>,
  view: View,
  uids: readonly number[],
  { sections }: FetchRequest,
): Runs {
  if (sections.every(onlyHeader)) return new GuessedRuns(uids, ROWS, false);
  return sections.every(allOrText) && uids.length > FIRST_BODIES
    ? new MeasuredRuns(store, view, uids, sections)
    : new GuessedRuns(uids, FIRST_BODIES, true);
}

/** By what came before. */
class GuessedRuns implements Runs {
  readonly single: boolean;
  readonly #uids: readonly number[];
  readonly #adapts: boolean;
  #size: number;
  #at = 0;

  constructor(uids: readonly number[], size: number, adapts: boolean) {
    this.#uids = uids;
    this.#size = size;
    this.#adapts = adapts;
    this.single = uids.length <= size;
  }

  async next(): Promise<readonly number[] | null> {
    const run = this.#uids.slice(this.#at, this.#at + this.#size);
    this.#at += run.length;
    return run.length > 0 ? run : null;
  }

  learn(rows: readonly FetchedMessage[]): void {
    if (this.#adapts) this.#size = bodiesIn(rows);
  }
}

/** How many messages like these make a run. */
function bodiesIn(rows: readonly FetchedMessage[]): number {
  if (rows.length === 0) return FIRST_BODIES;
  let octets = 0;
  for (const { sections } of rows) {
    for (const content of sections) {
      if (content?.kind === 'bytes') octets += content.bytes.length;
      // Either it did not fit any more, or it is so large that it is never put into a room.
      else if (content?.kind === 'range') octets += Math.min(content.length, RUN_BYTES / 3);
    }
  }
  return Math.max(1, Math.min(MOST_BODIES, Math.floor((RUN_BYTES * rows.length) / Math.max(1, octets))));
}

/**
 * By the messages' sizes, so that each run fills the room and nothing of it has to be asked for one by one: that would
 * wait for the runs that were asked for ahead.
 */
class MeasuredRuns implements Runs {
  readonly single = false;
  readonly #store: Pick<AccountStore, 'fetch'>;
  readonly #view: View;
  readonly #uids: readonly number[];
  readonly #sections: readonly SectionSpec[];
  #at = 0;
  #planned: number[][] = [];
  #planning: Promise<void> | null = null;

  constructor(
    store: Pick<AccountStore, 'fetch'>,
    view: View,
    uids: readonly number[],
    sections: readonly SectionSpec[],
  ) {
    this.#store = store;
    this.#view = view;
    this.#uids = uids;
    this.#sections = sections;
  }

  async next(): Promise<readonly number[] | null> {
    if (this.#planned.length < FEW && this.#at < this.#uids.length && this.#planning === null) {
      this.#planning = this.#plan();
      // A failure is told when what was planned before has been used up; a client may leave before that.
      this.#planning.catch(() => {});
    }
    if (this.#planned.length === 0) await this.#planning;
    return this.#planned.shift() ?? null;
  }

  learn(): void {}

  async #plan(): Promise<void> {
    const uids = this.#uids.slice(this.#at, this.#at + SIZES);
    this.#at += uids.length;
    const sizes = await this.#sizes(uids);
    const most = sizes === null ? FIRST_BODIES : ROWS;
    let run: number[] = [];
    let room = INLINE_FETCH_BYTES;
    for (const uid of uids) {
      const octets = this.#inline(sizes?.get(uid) ?? 0);
      if (run.length === most || (octets > room && run.length > 0)) {
        this.#planned.push(run);
        run = [];
        room = INLINE_FETCH_BYTES;
      }
      run.push(uid);
      room -= octets;
    }
    if (run.length > 0) this.#planned.push(run);
    this.#planning = null;
  }

  /** Null where one of them is damaged: which, and what else can be read, is seen when they are fetched. */
  async #sizes(uids: readonly number[]): Promise<Map<number, number> | null> {
    try {
      const request = { columns: ['size'], sections: [], markSeen: false } as const;
      const rows = await this.#store.fetch(this.#view, uids, request);
      return new Map(rows.map(({ uid, size }) => [uid, size]));
    } catch (error) {
      if (error instanceof StoreError && error.code === 'CORRUPTION') return null;
      throw error;
    }
  }

  /** What a message takes of a room; sections that are too large for it take nothing. */
  #inline(size: number): number {
    return this.#sections.reduce((sum, { partial }) => {
      const length = Math.min(size, partial?.length ?? size);
      return length > INLINE_FETCH_BYTES ? sum : sum + length;
    }, 0);
  }
}

function onlyHeader({ text }: SectionSpec): boolean {
  return text !== undefined && text !== 'TEXT';
}

/** Whether a section is about as long as its message. */
function allOrText({ part, text, sizeOnly }: SectionSpec): boolean {
  return part.length === 0 && (text === undefined || text === 'TEXT') && sizeOnly !== true;
}
