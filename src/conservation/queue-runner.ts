import type { AccountStore, QueuedMessage, StoreEvent } from '../store/types.ts';
import { conserveBatch } from './batch.ts';
import { repairOpenPackage } from './package/application.ts';
import type { Workshop } from './workshop.ts';

export interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** One account's queue: what is due, what waits for another try, who waits for the end. */
export class QueueRunner {
  readonly account: AccountStore;
  readonly waiters: Waiter[] = [];
  /** In the ready list or at work. */
  scheduled = false;
  /** Something came while it was at work. */
  again = false;
  /** Failures of whole batches in a row. */
  failures = 0;
  timer: NodeJS.Timeout | null = null;
  /** Message to the moment of its next try. */
  readonly #postponed = new Map<string, number>();
  readonly #batch: number;
  readonly #retryDelay: number;
  #listener: ((event: StoreEvent) => void) | null = null;

  constructor(account: AccountStore, options: { readonly batch: number; readonly retryDelay: number }) {
    this.account = account;
    this.#batch = options.batch;
    this.#retryDelay = options.retryDelay;
  }

  listen(wake: () => void): void {
    this.#listener = event => {
      if (event.queued) wake();
    };
    this.account.on('change', this.#listener);
  }

  close(): void {
    if (this.#listener !== null) this.account.off('change', this.#listener);
    this.#listener = null;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** Every message that failed may be tried once more now. */
  forgetDelays(): void {
    this.#postponed.clear();
  }

  async repair(shop: Workshop): Promise<void> {
    await repairOpenPackage(shop, this.account);
  }

  /** Repairs what is open, then makes one batch. True when there is more to do at once. */
  async turn(shop: Workshop): Promise<boolean> {
    await this.repair(shop);
    const due = await this.#due(shop.now());
    if (due.length === 0) return false;
    const { failed } = await conserveBatch(shop, this.account, due);
    for (const message of failed) this.#postponed.set(message, shop.now() + this.#retryDelay);
    return true;
  }

  /** When the first of the postponed messages is due; null when there is none. */
  nextTry(): number | null {
    return this.#postponed.size === 0 ? null : Math.min(...this.#postponed.values());
  }

  async #due(now: number): Promise<QueuedMessage[]> {
    for (const [message, at] of this.#postponed) if (at <= now) this.#postponed.delete(message);
    // Messages that wait for another try stand at the head of the queue: look past them.
    const queued = await this.account.queued(this.#batch + this.#postponed.size);
    return queued.filter(({ message }) => !this.#postponed.has(message)).slice(0, this.#batch);
  }
}
