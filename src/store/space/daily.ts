import type { StoreLogger } from '../logger.ts';
import { type AccountStore, StoreError } from '../types.ts';

/** The first round comes when start-up and its backlog are over. */
const FIRST_MS = 3_600_000;
const EVERY_MS = 86_400_000;

/** Compacts every open account once a day, one after another. */
export class DailyCompaction {
  readonly #accounts: () => Iterable<AccountStore>;
  readonly #logger: StoreLogger | null;
  #timer: NodeJS.Timeout | null;

  constructor(accounts: () => Iterable<AccountStore>, logger: StoreLogger | null) {
    this.#accounts = accounts;
    this.#logger = logger;
    this.#timer = this.#in(FIRST_MS);
  }

  /** What is under way ends with its present step, when the store's threads do. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #in(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => void this.#run(), milliseconds).unref();
  }

  async #run(): Promise<void> {
    for (const account of [...this.#accounts()]) {
      if (this.#timer === null) return;
      try {
        const { freedBytes } = await account.compact();
        if (freedBytes > 0) this.#logger?.info({ account: account.address, freedBytes }, 'space was freed');
      } catch (error) {
        const closed = error instanceof StoreError && error.code === 'UNAVAILABLE';
        if (!closed) this.#logger?.error({ err: error, account: account.address }, 'compaction failed');
      }
    }
    if (this.#timer !== null) this.#timer = this.#in(EVERY_MS);
  }
}
