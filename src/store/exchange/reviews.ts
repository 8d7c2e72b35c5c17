import { REVIEW_EVERY_MS } from '../limits.ts';
import type { StoreLogger } from '../logger.ts';
import { type AccountStore, StoreError } from '../types.ts';

/** Looks after the views under watch of every open account: at once when it is opened, and then every hour. */
export class Reviews {
  readonly #accounts = new Set<AccountStore>();
  readonly #logger: StoreLogger | null;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(logger: StoreLogger | null) {
    this.#logger = logger;
    this.#timer = setInterval(() => {
      for (const account of this.#accounts) this.#review(account);
    }, REVIEW_EVERY_MS).unref();
  }

  add(account: AccountStore): void {
    this.#accounts.add(account);
    this.#review(account);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One account after the other: nobody waits for it. */
  #review(account: AccountStore): void {
    this.#running = this.#running.then(async () => {
      if (this.#closed) return;
      try {
        await account.reviewWatched();
      } catch (error) {
        if (error instanceof StoreError && error.code === 'UNAVAILABLE') return;
        this.#logger?.error(
          { err: error, account: account.address },
          'the views under watch could not be brought up to date',
        );
      }
    });
  }
}
