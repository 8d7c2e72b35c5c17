import type { AccountStore } from '../store/types.ts';
import { clearUnfinished } from './distribution/index.ts';
import { RequestRunner } from './distribution/requests.ts';
import { type Imported, importFile } from './import/index.ts';
import { repairOpenPackage } from './package/application.ts';
import { QueueRunner } from './queue-runner.ts';
import { type RenewalOptions, type RenewalOutcome, renewPackages } from './renewal/renew.ts';
import { keepTerm } from './term/keeping.ts';
import type { ConservationService } from './types.ts';
import { rereadShare } from './verification/reread.ts';
import { verifyShare } from './verification/share.ts';
import type { Workshop } from './workshop.ts';

export interface ServiceTimes {
  /** Until a message whose check failed is tried again, milliseconds. */
  readonly retryDelay: number;
  /** Wait after a batch that could not be finished: first, doubled each time, and at most. */
  readonly firstBackOff: number;
  readonly maxBackOff: number;
  /** Until stamps that are due are looked for, after the start, and then again. */
  readonly firstRenewalCheck: number;
  readonly renewalCheck: number;
}

const TIMES: ServiceTimes = {
  retryDelay: 600_000,
  firstBackOff: 5_000,
  maxBackOff: 600_000,
  firstRenewalCheck: 900_000,
  renewalCheck: 86_400_000,
};
/** Accounts at work at the same time: one waits for its TSA while the other computes. */
const CONCURRENCY = 2;
/** The configuration that was last written into the account's journal. */
const SETTINGS = 'conservation.settings';

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
  readonly #requests = new Map<string, RequestRunner>();
  readonly #ready: QueueRunner[] = [];
  readonly #active = new Set<Promise<void>>();
  readonly #renewals = new Set<Promise<void>>();
  #timer: NodeJS.Timeout;
  #day: Promise<void> = Promise.resolve();

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
    this.#timer = this.#renewIn(this.#times.firstRenewalCheck);
  }

  async watch(account: AccountStore): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    if (this.#runners.has(account.address)) return;
    const runner = new QueueRunner(account, { batch: this.#batch, retryDelay: this.#times.retryDelay });
    this.#runners.set(account.address, runner);
    const requests = new RequestRunner(this.#shop, account, this.#times.firstBackOff);
    this.#requests.set(account.address, requests);
    await this.#repair(runner);
    await this.#recordSettings(account);
    await this.#keepTerm(account);
    await clearUnfinished(account).catch(error =>
      this.#shop.logger.warn({ account: account.address, err: error }, 'leftovers not removed'),
    );
    // First the ears, then the first look: what is queued in between is not missed.
    runner.listen(
      () => {
        // After a failure the queue waits, however much mail comes in.
        if (runner.scheduled || runner.failures === 0) this.#wake(runner);
      },
      () => requests.wake(),
    );
    this.#wake(runner);
    requests.wake();
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
    await this.#requests.get(address)?.work();
  }

  async renew(address: string, options: RenewalOptions = {}): Promise<RenewalOutcome[]> {
    const runner = this.#runners.get(address);
    if (runner === undefined) throw new Error(`${address}: its queue is not watched`);
    this.#stopping.signal.throwIfAborted();
    const work = renewPackages(this.#shop, runner.account, options);
    const settled = work.then(
      () => {},
      () => {},
    );
    this.#renewals.add(settled);
    void settled.finally(() => this.#renewals.delete(settled));
    return work;
  }

  async importFile(account: AccountStore, path: string): Promise<Imported> {
    if (this.#runners.has(account.address)) throw new Error(`${account.address}: its queue is being worked on`);
    this.#stopping.signal.throwIfAborted();
    // What a crash left open comes first.
    await repairOpenPackage(this.#shop, account);
    return importFile(this.#shop, account, path);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort(new Error('conservation is being stopped'));
    for (const runner of this.#runners.values()) runner.close();
    await Promise.allSettled([
      ...this.#active,
      ...this.#renewals,
      this.#day,
      ...[...this.#requests.values()].map(requests => requests.close()),
    ]);
    for (const runner of this.#runners.values()) {
      for (const waiter of runner.waiters.splice(0)) waiter.reject(this.#stopping.signal.reason);
    }
    await this.#shop.pool.close();
  }

  #renewIn(milliseconds: number): NodeJS.Timeout {
    const timer = setTimeout(async () => {
      this.#day = this.#daily();
      await this.#day;
      if (!this.#stopping.signal.aborted) this.#timer = this.#renewIn(this.#times.renewalCheck);
    }, milliseconds);
    return timer.unref();
  }

  /** What is done once a day: terms, stamps, a share of the verification. */
  async #daily(): Promise<void> {
    for (const [address, runner] of this.#runners) {
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#keepTerm(runner.account);
        this.#wake(runner);
        await this.renew(address);
      } catch (error) {
        // Tomorrow is another day: stamps are renewed long before they expire.
        this.#shop.logger.error({ account: address, err: error }, 'conservation: stamps not renewed');
      }
    }
    for (const [address, { account }] of this.#runners) {
      if (this.#stopping.signal.aborted) return;
      await verifyShare(this.#shop, account).catch(error => {
        if (this.#stopping.signal.aborted) return;
        this.#shop.logger.error({ account: address, err: error }, 'conservation: packages not verified');
      });
      await rereadShare(this.#shop, account).catch(error => {
        if (this.#stopping.signal.aborted) return;
        this.#shop.logger.error({ account: address, err: error }, 'conservation: messages not read again');
      });
    }
  }

  /** What a package was made with is decided in the configuration; the journal says when that changed. */
  async #recordSettings(account: AccountStore): Promise<void> {
    const { settings, logger } = this.#shop;
    try {
      if (JSON.stringify(await account.setting(SETTINGS)) === JSON.stringify(settings)) return;
      await account.appendJournal('settings', 'configuration', settings);
      await account.setSetting(SETTINGS, settings);
    } catch (error) {
      logger.error({ account: account.address, err: error }, 'conservation: change of settings not recorded');
    }
  }

  async #keepTerm(account: AccountStore): Promise<void> {
    await keepTerm(account, this.#shop.now()).catch(error =>
      this.#shop.logger.error({ account: account.address, err: error }, 'service term not kept'),
    );
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
