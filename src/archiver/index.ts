import type { Logger } from 'pino';
import type { Config, UpstreamSpace } from '../config/schema.ts';
import type { Account, AccountDirectory, LoginGuard, Vault } from '../store/accounts/types.ts';
import type { AccountStore, Filed } from '../store/types.ts';
import { AccountArchiver } from './account-archiver.ts';
import { type Backoff, RECONNECT } from './backoff.ts';
import type { ArchiverState } from './state.ts';
import { Turns } from './turns.ts';

export interface ArchiverOptions {
  readonly directory: AccountDirectory;
  readonly vault: Vault;
  readonly guard: LoginGuard;
  readonly config: Config;
  readonly logger: Logger;
  /**
   * Told of each archived message before the archiver moves on. It may be told of one again, after a crash or when the
   * message was in the archive already; a rejection lets the message be tried again.
   */
  readonly onArchived?: (account: AccountStore, filed: Filed) => Promise<void>;
  /** How often folders other than INBOX are looked at, milliseconds. */
  readonly pollMs?: number;
  /** How long a connection that was in the user's way stays closed, milliseconds. */
  readonly awayMs?: number;
  readonly backoff?: Backoff;
}

/** Copies new messages of INBOX, the sent folder and chosen ones into the archive, one quiet connection an account. */
export interface Archiver {
  /** Starts with every account whose password the vault knows; others follow at their first good login. */
  start(): Promise<void>;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /** The account's password was accepted and is in the vault. The vault's `onRemembered` says the same. */
  accountLoggedIn(address: string): void;
  /** Something was put into a folder upstream: looks now instead of at the next turn. */
  nudge(address: string): void;
  /** The provider grants the user no further connection: gives up the archiver's. Resolves once that is closed. */
  yield(address: string): Promise<void>;
  /** What the archiver of each account is doing. */
  states(): ArchiverState[];
  /**
   * Resolves when INBOX and the sent folder have been read to the end. Rejects when the account is unknown, has no
   * password in the vault, is refused by the upstream, or the connection fails meanwhile.
   */
  catchUp(address: string): Promise<void>;
}

/** Connections of one process start within this time of each other, milliseconds an account. */
const STAGGER_MS = 50;
const MAX_STAGGER_MS = 60_000;
/** So few at once trouble nobody. */
const UNSTAGGERED = 10;
const POLL_MS = 60_000;
const AWAY_MS = 5 * 60_000;
/** Accounts that copy a run of messages at the same time. */
const COPYING = 8;

export function createArchiver(options: ArchiverOptions): Archiver {
  return new QuietArchiver(options);
}

class QuietArchiver implements Archiver {
  readonly #options: ArchiverOptions;
  readonly #accounts = new Map<string, AccountArchiver>();
  readonly #turns = new Turns(COPYING);
  #started = false;
  #stopped = false;
  #unsubscribe: () => void = () => {};

  constructor(options: ArchiverOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { archive } = this.#options.config;
    if (this.#started || !archive.enabled || !isAnyAutomatic(archive.auto)) return;
    this.#started = true;
    this.#unsubscribe = this.#options.vault.onRemembered(address => this.accountLoggedIn(address));
    const accounts = (await this.#options.directory.all()).filter(account => account.upstream.kind === 'remote');
    const window = accounts.length <= UNSTAGGERED ? 0 : Math.min(MAX_STAGGER_MS, accounts.length * STAGGER_MS);
    for (const account of accounts) this.#of(account)?.start({ delayMs: Math.random() * window });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    await Promise.all([...this.#accounts.values()].map(account => account.stop()));
  }

  accountLoggedIn(address: string): void {
    const account = this.#options.directory.resolve(address);
    if (this.#started && account?.upstream.kind === 'remote') this.#of(account)?.start({ freshPassword: true });
  }

  nudge(address: string): void {
    this.#accounts.get(address)?.nudge();
  }

  async yield(address: string): Promise<void> {
    await this.#accounts.get(address)?.yield();
  }

  states(): ArchiverState[] {
    return [...this.#accounts.values()].map(account => account.state);
  }

  async catchUp(address: string): Promise<void> {
    const account = this.#options.directory.resolve(address);
    if (account === null) throw new Error(`no account ${address}`);
    if (account.upstream.kind !== 'remote') return;
    const archiver = this.#of(account);
    if (archiver === null) throw new Error('the archiver has been stopped');
    await archiver.catchUp();
  }

  #of(account: Account): AccountArchiver | null {
    if (this.#stopped) return null;
    let archiver = this.#accounts.get(account.address);
    if (archiver === undefined) {
      const { directory, vault, guard, logger, config, onArchived, pollMs, awayMs, backoff } = this.#options;
      archiver = new AccountArchiver({
        account,
        directory,
        vault,
        guard,
        logger: logger.child({ component: 'archiver' }),
        auto: config.archive.auto,
        space: spacePolicy(config, account),
        onArchived: onArchived ?? (async () => {}),
        pollMs: pollMs ?? POLL_MS,
        awayMs: awayMs ?? AWAY_MS,
        backoff: backoff ?? RECONNECT,
        turns: this.#turns,
      });
      this.#accounts.set(account.address, archiver);
    }
    return archiver;
  }
}

function isAnyAutomatic({ incoming, sent, folders }: Config['archive']['auto']): boolean {
  return incoming || sent || folders.length > 0;
}

/** The account's own, else its plan's. */
function spacePolicy(config: Config, { address, plan }: Account): UpstreamSpace | null {
  const own = config.accounts.find(entry => entry.address === address)?.upstreamSpace;
  const planned = plan === null ? undefined : config.plans[plan]?.upstreamSpace;
  return own ?? planned ?? null;
}
