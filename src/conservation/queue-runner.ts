import { isServed } from '../store/service-term.ts';
import type { AccountStore, QueuedMessage, StoreEvent } from '../store/types.ts';
import { conserveBatch } from './batch.ts';
import { repairOpenPackage } from './package/application.ts';
import type { Workshop } from './workshop.ts';

/** Records of the queue that are read at once. */
const PAGE = 50;

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

  /** `wake`: the queue grew. `ask`: a package of distribution was asked for. */
  listen(wake: () => void, ask: () => void): void {
    this.#listener = event => {
      if (!event.queued) return;
      if (event.tree === 'conservation') ask();
      else wake();
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
    // What waits when the service ends stays where it is.
    if (!isServed(await this.account.serviceTerm(), shop.now())) return false;
    const { taken, failed } = await conserveBatch(shop, this.account, this.#due(shop.now()));
    for (const message of failed) this.#postponed.set(message, shop.now() + this.#retryDelay);
    return taken > 0;
  }

  /** When the first of the postponed messages is due; null when there is none. */
  nextTry(): number | null {
    return this.#postponed.size === 0 ? null : Math.min(...this.#postponed.values());
  }

  /** The next batch, read a page at a time: records are large, and this is the connections' thread. */
  async *#due(now: number): AsyncGenerator<QueuedMessage> {
    for (const [message, at] of this.#postponed) if (at <= now) this.#postponed.delete(message);
    // Messages that wait for another try stand at the head of the queue: look past them.
    let wanted = this.#batch;
    for (let offset = 0; wanted > 0; offset += PAGE) {
      const page = await this.account.queued(PAGE, offset);
      for (const record of page) {
        if (this.#postponed.has(record.message)) continue;
        yield record;
        if (--wanted === 0) return;
      }
      if (page.length < PAGE) return;
    }
  }
}
