import type { AccountStore } from '../store/types.ts';
import type { Notice, QueuedNotice } from './notice.ts';

/** Setting of the account's store. */
const QUEUE = 'alerts.notices';
/** Notices that wait for one account at most: the oldest give way. */
const MAX_QUEUED = 500;
/** What was told last, so as not to be told again. Each change is written whole: a few kilobytes. */
const MAX_TOLD = 128;

interface State {
  readonly queue: readonly QueuedNotice[];
  readonly told: readonly string[];
}

/** One account's notices, on disk before anything is sent. */
export class NoticeQueue {
  readonly #store: AccountStore;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: AccountStore) {
    this.#store = store;
  }

  /** Unless it waits or was told already. Resolves when it is on disk. @returns whether it is new */
  async add(id: string, notice: Notice): Promise<boolean> {
    let added = false;
    await this.#change(({ queue, told }) => {
      if (told.includes(id) || queue.some(queued => queued.id === id)) return null;
      added = true;
      const now = Date.now();
      const queued: QueuedNotice = { id, notice, queuedAt: now, sent: [], attempts: 0, nextAt: now };
      return { queue: [...queue, queued].slice(-MAX_QUEUED), told };
    });
    return added;
  }

  async waiting(): Promise<readonly QueuedNotice[]> {
    await this.#turn;
    return (await this.#read()).queue;
  }

  /** What became of some of them; null: told, or given up. */
  settle(outcomes: ReadonlyMap<string, QueuedNotice | null>): Promise<void> {
    return this.#change(({ queue, told }) => ({
      queue: queue.flatMap(queued => {
        const outcome = outcomes.get(queued.id);
        return outcome === undefined ? [queued] : outcome === null ? [] : [outcome];
      }),
      told: [...new Set([...told, ...[...outcomes].flatMap(([id, outcome]) => (outcome === null ? [id] : []))])].slice(
        -MAX_TOLD,
      ),
    }));
  }

  async #read(): Promise<State> {
    return (await this.#store.setting<State>(QUEUE)) ?? { queue: [], told: [] };
  }

  #change(change: (state: State) => State | null): Promise<void> {
    const turn = this.#turn.then(async () => {
      const after = change(await this.#read());
      if (after !== null) await this.#store.setSetting(QUEUE, after);
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
