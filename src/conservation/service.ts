import type { AccountStore } from '../store/types.ts';
import { QueueRunner } from './queue-runner.ts';
import type { ConservationService } from './types.ts';
import type { Workshop } from './workshop.ts';

export interface ServiceTimes {
  /** Until a message whose check failed is tried again, milliseconds. */
  readonly retryDelay: number;
  /** Wait after a batch that could not be finished: first, doubled each time, and at most. */
  readonly firstBackOff: number;
  readonly maxBackOff: number;
}

const TIMES: ServiceTimes = { retryDelay: 600_000, firstBackOff: 5_000, maxBackOff: 600_000 };
/** Accounts at work at the same time: one waits for its TSA while the other computes. */
const CONCURRENCY = 2;

/**
 * Takes turns among accounts: each does one batch, then goes to the end of the line. One account never has two batches
 * at once.
 */
export class Service implements ConservationService {
  readonly evaluation: boolean;
  readonly #shop: Workshop;
  readonly #batch: number;
  readonly #times: ServiceTimes;
  readonly #stopping: AbortController;
  readonly #runners = new Map<string, QueueRunner>();
  readonly #ready: QueueRunner[] = [];
  readonly #active = new Set<Promise<void>>();

  constructor(
    shop: Workshop,
    options: { readonly batch: number; readonly stopping: AbortController } & Partial<ServiceTimes>,
  ) {
    const { batch, stopping, ...times } = options;
    this.evaluation = shop.evaluation;
    this.#shop = shop;
    this.#batch = batch;
    this.#stopping = stopping;
    this.#times = { ...TIMES, ...times };
  }

  async watch(account: AccountStore): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    if (this.#runners.has(account.address)) return;
    const runner = new QueueRunner(account, { batch: this.#batch, retryDelay: this.#times.retryDelay });
    this.#runners.set(account.address, runner);
    await this.#repair(runner);
    // First the ears, then the first look: what is queued in between is not missed.
    runner.listen(() => {
      // After a failure the queue waits, however much mail comes in.
      if (runner.scheduled || runner.failures === 0) this.#wake(runner);
    });
    this.#wake(runner);
  }

  async drain(address: string): Promise<void> {
    const runner = this.#runners.get(address);
    if (runner === undefined) throw new Error(`${address}: its queue is not watched`);
    this.#stopping.signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    runner.waiters.push({ resolve, reject });
    runner.forgetDelays();
    this.#wake(runner);
    await promise;
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('conservation is being stopped'));
    for (const runner of this.#runners.values()) runner.close();
    await Promise.allSettled(this.#active);
    for (const runner of this.#runners.values()) {
      for (const waiter of runner.waiters.splice(0)) waiter.reject(this.#stopping.signal.reason);
    }
    await this.#shop.pool.close();
  }

  async #repair(runner: QueueRunner): Promise<void> {
    try {
      await runner.repair(this.#shop);
    } catch (error) {
      // Each turn begins with the same repair, so this is no reason to leave the account without its mailbox.
      this.#shop.logger.error({ account: runner.account.address, err: error }, 'conservation: repair not finished');
    }
  }

  #wake(runner: QueueRunner): void {
    if (this.#stopping.signal.aborted) return;
    if (runner.timer !== null) clearTimeout(runner.timer);
    runner.timer = null;
    if (runner.scheduled) {
      runner.again = true;
      return;
    }
    runner.scheduled = true;
    this.#ready.push(runner);
    this.#pump();
  }

  #pump(): void {
    while (this.#active.size < CONCURRENCY && !this.#stopping.signal.aborted) {
      const runner = this.#ready.shift();
      if (runner === undefined) return;
      const turn = this.#turn(runner).finally(() => {
        this.#active.delete(turn);
        this.#pump();
      });
      this.#active.add(turn);
    }
  }

  async #turn(runner: QueueRunner): Promise<void> {
    runner.again = false;
    const waiters = runner.waiters.splice(0);
    let more = false;
    let wait: number | null = null;
    try {
      more = await runner.turn(this.#shop);
      runner.failures = 0;
      if (more) runner.waiters.unshift(...waiters);
      else for (const waiter of waiters) waiter.resolve();
      const nextTry = runner.nextTry();
      if (nextTry !== null) wait = Math.max(0, nextTry - this.#shop.now());
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error);
      if (this.#stopping.signal.aborted) return;
      wait = Math.min(this.#times.maxBackOff, this.#times.firstBackOff * 2 ** runner.failures);
      runner.failures++;
      const { address } = runner.account;
      this.#shop.logger.error({ account: address, err: error, retryInMs: wait }, 'conservation: batch not finished');
      runner.again = false;
    }
    runner.scheduled = false;
    if (more || runner.again || runner.waiters.length > 0) this.#wake(runner);
    else if (wait !== null) this.#sleep(runner, wait);
  }

  #sleep(runner: QueueRunner, milliseconds: number): void {
    if (this.#stopping.signal.aborted) return;
    runner.timer = setTimeout(() => this.#wake(runner), milliseconds);
    runner.timer.unref();
  }
}
