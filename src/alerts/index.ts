/** What users are told without asking: letters into their INBOX about space, notices to ordinary addresses. */
import type { Logger } from 'pino';
import type { Backoff } from '../archiver/backoff.ts';
import type { ArchiverState } from '../archiver/state.ts';
import type { Config } from '../config/schema.ts';
import type { Account } from '../store/accounts/types.ts';
import type { AccountStore, Filed } from '../store/types.ts';
import { type ConditionsOptions, lookAt } from './conditions.ts';
import type { InboxServices } from './inbox.ts';
import { clip } from './notice.ts';
import { Notices } from './notices.ts';
import { QuotaAlerts } from './quota-alerts.ts';
import type { Space } from './space.ts';

const LOOK_EVERY = 60_000;
/** Of a message that came earlier nobody needs a notice: it was imported, or read again. */
const NEW_FOR = 48 * 60 * 60_000;

export interface AlertsOptions extends InboxServices {
  readonly config: Config['alerts'];
  readonly logger: Logger;
  readonly spaces: (account: Account, store: AccountStore) => Promise<readonly Space[]>;
  readonly archiverStates: () => readonly ArchiverState[];
  /** How often conditions are looked at, milliseconds. */
  readonly lookEveryMs?: number;
  readonly backoff?: Backoff;
}

export class Alerts {
  readonly quota: QuotaAlerts;
  readonly #options: AlertsOptions;
  readonly #logger: Logger;
  readonly #startedAt = Date.now();
  readonly #watched = new Map<string, { account: Account; store: AccountStore; notices: Notices }>();
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #stopped = false;

  constructor(options: AlertsOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ component: 'alerts' });
    this.quota = new QuotaAlerts({ ...options, logger: this.#logger });
  }

  /** Begins to look after an account; what was left to be sent goes. */
  watch(account: Account, store: AccountStore): void {
    if (this.#stopped) return;
    this.quota.watch(account, store);
    if (this.#watched.has(account.address) || this.#options.config.accounts[account.address] === undefined) return;
    const notices = new Notices(account.address, store, { ...this.#options, logger: this.#logger });
    this.#watched.set(account.address, { account, store, notices });
    notices.wake();
    this.#timer ??= setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
    }, this.#options.lookEveryMs ?? LOOK_EVERY).unref();
  }

  /** Told of each archived message; resolves when a notice that it deserves is on disk. May be told twice. */
  async archived({ address }: AccountStore, { message }: Filed): Promise<void> {
    const wanted = this.#options.config.accounts[address];
    const watched = this.#watched.get(address);
    if (wanted === undefined || watched === undefined || !wanted.certified) return;
    const { category, sha256, pec, structure, filedAt } = await watched.store.record(message);
    if (category !== 'Ricevuti' || filedAt < Date.now() - NEW_FOR) return;
    const sender = (pec.daticert?.mittente ?? structure.from[0]?.address ?? '').toLowerCase();
    if (wanted.senders !== undefined && !wanted.senders.includes(sender)) return;
    const subject = clip(pec.daticert?.oggetto ?? structure.subject);
    await watched.notices.add(`certified:${sha256.slice(0, 20)}`, {
      kind: 'certified',
      sender: clip(sender),
      subject,
      at: filedAt,
    });
  }

  /** Accounts whose notices could not be sent at the last attempt. */
  failing(): string[] {
    return [...this.#watched].flatMap(([address, { notices }]) => (notices.failing ? [address] : []));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all([this.quota.stop(), ...[...this.#watched.values()].map(({ notices }) => notices.stop())]);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const states = new Map(this.#options.archiverStates().map(state => [state.address, state]));
    const options: ConditionsOptions = {
      ...this.#options,
      archiverState: address => states.get(address) ?? null,
      startedAt: this.#startedAt,
    };
    for (const { account, store, notices } of this.#watched.values()) {
      if (this.#stopped) return;
      await lookAt(account, store, notices, options).catch((error: unknown) =>
        this.#logger.warn({ account: account.address, err: error }, 'the state of an account cannot be looked at'),
      );
    }
  }
}
