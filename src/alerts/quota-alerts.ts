import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { type Backoff, delayBefore } from '../archiver/backoff.ts';
import type { Config } from '../config/schema.ts';
import type { Account } from '../store/accounts/types.ts';
import type { AccountStore, StoreEvent } from '../store/types.ts';
import { type InboxServices, putIntoInbox } from './inbox.ts';
import { quotaText } from './quota-texts.ts';
import { type Level, levelOf, type Space } from './space.ts';

/** Setting of the account's store. */
const STATE = 'alerts.quota';

/** What was told of one space. */
interface Told {
  readonly level: Level;
  /** Letters so far: gives each its own Message-ID. */
  readonly letters: number;
  /** Octets of the message that found no room. */
  readonly needed: number;
}
type State = Partial<Record<Space['name'], Told>>;

export interface QuotaAlertsOptions extends InboxServices {
  readonly config: Config['alerts'];
  readonly logger: Logger;
  /** The spaces that the account's plan limits. */
  readonly spaces: (account: Account, store: AccountStore) => Promise<readonly Space[]>;
  /** Changes are looked at together after this time, milliseconds. */
  readonly settleMs?: number;
  readonly backoff?: Backoff;
}

const SETTLE_MS = 500;
const BACKOFF: Backoff = { first: 30_000, longest: 30 * 60_000 };

interface Watched {
  readonly account: Account;
  readonly store: AccountStore;
  readonly onChange: (event: StoreEvent) => void;
  timer: NodeJS.Timeout | null;
  /** The look under way, after which another one may be due. */
  running: Promise<void> | null;
  again: boolean;
  failures: number;
  /** The last change of the setting. */
  update: Promise<void>;
}

/**
 * Tells each user in the INBOX when a space passes 70 % and 90 %, and when it is full: once a threshold, again after it
 * fell below and rose. What was told is on disk; a letter that a crash leaves in doubt has the same Message-ID and is
 * looked for before it is put there again.
 */
export class QuotaAlerts {
  readonly #options: QuotaAlertsOptions;
  readonly #watched = new Map<string, Watched>();
  #stopped = false;

  constructor(options: QuotaAlertsOptions) {
    this.#options = options;
  }

  watch(account: Account, store: AccountStore): void {
    if (this.#stopped || this.#watched.has(account.address)) return;
    const onChange = ({ tree }: StoreEvent): void => {
      if (tree !== 'local' && tree !== 'watch') this.#soon(watched, this.#options.settleMs ?? SETTLE_MS);
    };
    const watched: Watched = {
      account,
      store,
      onChange,
      timer: null,
      running: null,
      again: false,
      failures: 0,
      update: Promise.resolve(),
    };
    this.#watched.set(account.address, watched);
    store.on('change', onChange);
    this.#soon(watched, 0);
  }

  /** The archiver found no room for a message of so many octets; 0: there is room again. */
  async noRoom(address: string, octets: number): Promise<void> {
    const watched = this.#watched.get(address);
    if (watched === undefined) return;
    await this.#update(watched, 'Archivio', told => ({ ...told, needed: octets }));
    this.#soon(watched, 0);
  }

  /** What the archiver found no room for last, octets; 0 when it has room. */
  async needed(store: AccountStore): Promise<number> {
    return (await store.setting<State>(STATE))?.Archivio?.needed ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { store, onChange, timer } of this.#watched.values()) {
      store.off('change', onChange);
      if (timer !== null) clearTimeout(timer);
    }
    await Promise.allSettled([...this.#watched.values()].map(({ running }) => running));
  }

  #soon(watched: Watched, delayMs: number): void {
    if (this.#stopped) return;
    if (watched.running !== null) {
      watched.again = true;
      return;
    }
    if (watched.timer !== null && delayMs > 0) return;
    if (watched.timer !== null) clearTimeout(watched.timer);
    watched.timer = setTimeout(() => {
      watched.timer = null;
      watched.again = false;
      watched.running = this.#look(watched).then(
        () => {
          watched.failures = 0;
          watched.running = null;
          if (watched.again) this.#soon(watched, this.#options.settleMs ?? SETTLE_MS);
        },
        (error: unknown) => {
          watched.running = null;
          if (this.#stopped) return;
          const delay = delayBefore(watched.failures++, this.#options.backoff ?? BACKOFF);
          const { address } = watched.account;
          this.#options.logger.warn({ account: address, err: error }, 'an alert about space could not be delivered');
          this.#soon(watched, delay);
        },
      );
    }, delayMs);
    watched.timer.unref();
  }

  async #look(watched: Watched): Promise<void> {
    const { account, store } = watched;
    const { config, spaces } = this.#options;
    for (const space of await spaces(account, store)) {
      const told = toldOf(await store.setting<State>(STATE), space.name);
      const level = levelOf(space, told.needed);
      if (level === told.level) continue;
      const letters = level > told.level ? told.letters + 1 : told.letters;
      if (level > told.level) {
        const [subject, text] = quotaText(account.address, space, level, config.contact);
        const owner = createHash('sha256').update(account.address).digest('hex').slice(0, 16);
        const id = `spazio-${space.name.toLowerCase()}-${letters}-${owner}@archivia.invalid`;
        await putIntoInbox(account, this.#options, config.from, { subject, text, id });
      }
      await this.#update(watched, space.name, now => ({ ...now, level, letters }));
    }
  }

  /** One after the other: the setting is read and written whole. */
  #update(watched: Watched, name: Space['name'], change: (told: Told) => Told): Promise<void> {
    const { store } = watched;
    const update = watched.update.then(async () => {
      const state = (await store.setting<State>(STATE)) ?? {};
      await store.setSetting(STATE, { ...state, [name]: change(toldOf(state, name)) });
    });
    watched.update = update.catch(() => {});
    return update;
  }
}

function toldOf(state: State | null, name: Space['name']): Told {
  return state?.[name] ?? { level: 0, letters: 0, needed: 0 };
}

/** The thresholds that were told last, of spaces that are above one. */
export async function quotaLevels(store: AccountStore): Promise<[Space['name'], Level][]> {
  const state = (await store.setting<State>(STATE)) ?? {};
  return (['Archivio', 'Conservazione'] as const)
    .map((name): [Space['name'], Level] => [name, toldOf(state, name).level])
    .filter(([, level]) => level > 0);
}
