/** What the stores of all accounts say in numbers, asked for at most once a minute and one account after the other. */
import type { Logger } from 'pino';
import { levelOf } from '../alerts/space.ts';
import type { Config } from '../config/schema.ts';
import type { AccountDirectory } from '../store/accounts/types.ts';
import { type Store, StoreError, type View } from '../store/types.ts';
import { spacesOf } from './alerts.ts';

interface PlanUse {
  readonly plan: string;
  readonly space: 'archive' | 'conservation';
  used: number;
  limit: number;
  /** Accounts by the threshold that they have reached: 0, 70, 90, 100. */
  readonly accounts: Record<string, number>;
}

export interface StoreSample {
  readonly accounts: number;
  /** Accounts whose store cannot be opened or read. */
  readonly unreadable: number;
  readonly messages: { archive: number; conservation: number; intake: number };
  readonly octets: { archive: number; conservation: number; intake: number };
  readonly storedBytes: number;
  readonly waiting: number;
  /** Milliseconds since the epoch; null: nothing waits. */
  readonly waitingSince: number | null;
  readonly conserved: number;
  readonly plans: readonly PlanUse[];
}

export interface SamplingOptions {
  readonly config: Config;
  readonly directory: AccountDirectory;
  readonly store: Store;
  readonly logger: Logger;
  /** How old a sample may be, milliseconds. */
  readonly freshMs?: number;
}

const FRESH_MS = 60_000;
/** What an answer waits for a new sample; then the one before has to do. */
const PATIENCE_MS = 1_000;
/** In the order of VIEWS. */
const TREES = ['archive', 'conservation', 'intake'] as const;
const VIEWS: readonly View[] = [{ tree: 'archive' }, { tree: 'conservation' }, { tree: 'intake' }];

export class Sampling {
  readonly #options: SamplingOptions;
  #last: StoreSample | null = null;
  #at = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;

  constructor(options: SamplingOptions) {
    this.#options = options;
  }

  /** The newest sample there is, after a short wait at most; null: none yet. Never rejects. */
  async latest(): Promise<StoreSample | null> {
    if (performance.now() - this.#at > (this.#options.freshMs ?? FRESH_MS)) {
      this.#running ??= this.#sample().finally(() => {
        this.#running = null;
      });
      const { promise: patience, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, PATIENCE_MS);
      await Promise.race([this.#running, patience]);
      clearTimeout(timer);
    }
    return this.#last;
  }

  async #sample(): Promise<void> {
    const { config, directory, store, logger } = this.#options;
    const zero = () => ({ archive: 0, conservation: 0, intake: 0 });
    const [messages, octets] = [zero(), zero()];
    const plans = new Map<string, PlanUse>();
    let [unreadable, storedBytes, waiting, conserved] = [0, 0, 0, 0];
    let waitingSince: number | null = null;
    try {
      const addresses = await store.addresses();
      for (const address of addresses) {
        try {
          const opened = await store.account(address);
          const account = directory.resolve(address);
          const figures = await opened.figures();
          for (const [index, { messages: count, size }] of (await opened.status(VIEWS)).entries()) {
            const tree = TREES[index];
            if (tree === undefined) continue;
            messages[tree] += count;
            octets[tree] += size;
          }
          storedBytes += figures.storedBytes;
          waiting += figures.waiting;
          conserved += figures.conserved;
          waitingSince = earlier(waitingSince, figures.waitingSince);
          if (account?.plan == null) continue;
          for (const space of await spacesOf(config, account, opened)) {
            const name = space.name === 'Archivio' ? 'archive' : 'conservation';
            const key = `${name} ${account.plan}`;
            const use = plans.get(key) ?? { plan: account.plan, space: name, used: 0, limit: 0, accounts: {} };
            const level = String(levelOf(space, 0));
            use.used += space.used;
            use.limit += space.limit;
            use.accounts[level] = (use.accounts[level] ?? 0) + 1;
            plans.set(key, use);
          }
        } catch (error) {
          // A store that is being closed says nothing about its files.
          if (error instanceof StoreError && error.code === 'UNAVAILABLE') continue;
          unreadable++;
          logger.error({ err: error, account: address }, "an account's store cannot be read");
        }
      }
      this.#last = {
        accounts: addresses.length,
        unreadable,
        messages,
        octets,
        storedBytes,
        waiting,
        waitingSince,
        conserved,
        plans: [...plans.values()],
      };
    } catch (error) {
      logger.error({ err: error }, 'the stores cannot be counted');
    }
    this.#at = performance.now();
  }
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
