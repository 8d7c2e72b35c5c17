import type { ImapFlow } from 'imapflow';
import type { Logger } from 'pino';
import type { UpstreamSpace } from '../config/schema.ts';
import { PASSWORD_SINCE, passwordExpiry } from '../store/accounts/password-expiry.ts';
import type { Account, AccountDirectory, LoginGuard, Vault } from '../store/accounts/types.ts';
import type { AccountStore, Filed } from '../store/types.ts';
import { type Backoff, delayBefore } from './backoff.ts';
import { loginFailure, upstreamClient } from './connect.ts';
import type { CopyContext } from './copy-folder.ts';
import { type Auto, readFolders } from './folders.ts';
import { freeUpstream } from './free-upstream.ts';
import { Signal } from './signal.ts';
import { type ArchiverState, REFUSED, SINCE } from './state.ts';
import type { Turns } from './turns.ts';

export interface AccountArchiverOptions {
  readonly account: Account;
  readonly directory: AccountDirectory;
  readonly vault: Vault;
  readonly guard: LoginGuard;
  readonly logger: Logger;
  readonly auto: Auto;
  /** What is removed upstream once it is safe here; null: nothing ever. */
  readonly space: UpstreamSpace | null;
  readonly onArchived: (account: AccountStore, filed: Filed) => Promise<void>;
  /** How often folders other than INBOX are looked at, milliseconds. */
  readonly pollMs: number;
  /** How long a connection that was in the user's way stays closed, milliseconds. */
  readonly awayMs: number;
  readonly backoff: Backoff;
  readonly turns: Turns;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

const DAY = 86_400_000;
const THOROUGH_MS = 60 * 60_000;
/** For so many times `awayMs` after a connection was in the way, and under so small a limit, there are visits only. */
const VISITING_TIMES = 12;
const FEW_CONNECTIONS = 3;
/** What a server may take to say goodbye while a user waits for the connection, milliseconds. */
const GOODBYE_MS = 1_000;

class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** One account's quiet connection. Nothing that happens on it leaves this class as an exception but through catchUp. */
export class AccountArchiver {
  readonly #options: AccountArchiverOptions;
  readonly #logger: Logger;
  readonly #bell = new Signal();
  #waiters: Waiter[] = [];
  #loop: Promise<void> | null = null;
  #client: ImapFlow | null = null;
  #stopping = false;
  #freshPassword = false;
  #awayUntil = 0;
  #visitingUntil = 0;
  #state: Omit<ArchiverState, 'address'> = { status: 'off', since: Date.now(), lastRoundAt: null, reason: null };

  constructor(options: AccountArchiverOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ account: options.account.address });
  }

  /** Starts unless it runs. @param freshPassword a login was accepted: a former refusal no longer counts */
  start({ freshPassword = false, delayMs = 0 } = {}): void {
    if (this.#stopping) return;
    if (freshPassword) this.#freshPassword = true;
    if (this.#loop !== null) {
      if (this.#client === null) this.#bell.ring();
      return;
    }
    this.#loop = this.#run(delayMs)
      .catch((error: unknown) => this.#logger.error({ err: error }, 'the archiver of this account has stopped'))
      .finally(() => {
        this.#loop = null;
        this.#settle(new Error(`the archiver of ${this.#options.account.address} has stopped`));
        // A login came while the loop was on its way out.
        if (this.#freshPassword) this.start();
      });
  }

  /** Begins the next round at once when it is connected; a round under way is followed by another one. */
  nudge(): void {
    if (this.#client !== null) this.#bell.ring();
  }

  get state(): ArchiverState {
    return { address: this.#options.account.address, ...this.#state };
  }

  /**
   * The user has no connection left at the provider: gives this one up and stays away for a while, after which it comes
   * for short visits only. Resolves when the connection is closed.
   */
  async yield(): Promise<void> {
    const now = Date.now();
    this.#awayUntil = now + this.#options.awayMs;
    this.#visitingUntil = now + VISITING_TIMES * this.#options.awayMs;
    const client = this.#client;
    if (client === null) return;
    this.#logger.info('too many connections: the archiver gives its own to the user');
    await goodbye(client);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#client?.close();
    this.#bell.ring();
    await this.#loop;
  }

  /** Resolves when a round that began after this call has read every folder to its end; rejects when it failed. */
  catchUp(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.start();
      this.#bell.ring();
      if (this.#loop === null) this.#settle(new Error('the archiver has been stopped'));
    });
  }

  async #run(delayMs: number): Promise<void> {
    const begun = Date.now();
    if (delayMs > 0) await this.#bell.wait(delayMs);
    const { account, directory, vault, backoff } = this.#options;
    for (let failures = 0; !this.#stopping; ) {
      const password = await vault.recall(account.address);
      if (password === null) {
        this.#enter('no-password');
        return this.#settle(new Error(`no password of ${account.address} is known yet`));
      }
      const store = await directory.store(account);
      if ((await store.setting<number>(SINCE)) === null) await store.setSetting(SINCE, begun);
      if (this.#freshPassword) {
        this.#freshPassword = false;
        if ((await store.setting<boolean>(REFUSED)) === true) await store.setSetting(REFUSED, false);
      } else if ((await store.setting<boolean>(REFUSED)) === true) {
        this.#enter('refused');
        return this.#settle(new RefusedError(`the upstream refuses the password of ${account.address}`));
      }
      await this.#foresee(store);
      try {
        await this.#stayAway();
        if (this.#stopping) return;
        await this.#session(store, password, () => (failures = 0));
      } catch (error) {
        this.#settle(error instanceof Error ? error : new Error(String(error)));
        if (this.#stopping) return;
        if (error instanceof RefusedError) {
          this.#logger.warn('the upstream refuses the stored password: archiving waits for the next good login');
          await store.setSetting(REFUSED, true);
          this.#enter('refused');
          if (!this.#freshPassword) return;
          continue;
        }
        if (Date.now() < this.#awayUntil) continue;
        const delay = delayBefore(failures++, backoff);
        this.#enter('interrupted', error instanceof Error ? error.message : String(error));
        this.#logger.warn({ err: error, delayMs: Math.round(delay) }, 'archiving is interrupted');
        await this.#bell.wait(delay);
      }
    }
  }

  /** Whoever asks to catch up is a reason to come sooner. */
  async #stayAway(): Promise<void> {
    while (!this.#stopping && Date.now() < this.#awayUntil && this.#waiters.length === 0) {
      this.#enter('away');
      await this.#bell.wait(this.#awayUntil - Date.now());
    }
  }

  /** Whether the connection is closed after each round: the provider grants few, or it was in the way lately. */
  get #visiting(): boolean {
    const { upstream } = this.#options.account;
    const limit = upstream.kind === 'remote' ? upstream.maxConnections : undefined;
    return Date.now() < this.#visitingUntil || (limit !== undefined && limit <= FEW_CONNECTIONS);
  }

  /** Some providers' passwords for mail programs end by themselves. */
  async #foresee(store: AccountStore): Promise<void> {
    const { upstream } = this.#options.account;
    const days = upstream.kind === 'remote' ? upstream.passwordDays : undefined;
    const expiry = passwordExpiry(await store.setting<number>(PASSWORD_SINCE), days, Date.now());
    if (expiry?.near) {
      this.#logger.warn({ expires: new Date(expiry.at).toISOString() }, 'the password will soon end at the provider');
    }
  }

  #enter(status: ArchiverState['status'], reason: string | null = null): void {
    if (this.#state.status === status && this.#state.reason === reason) return;
    this.#state = { ...this.#state, status, since: Date.now(), reason };
  }

  /**
   * Connects and archives until the connection ends; throws in the end, unless it is told to stop or only came for a
   * visit.
   */
  async #session(store: AccountStore, password: string, onRound: () => void): Promise<void> {
    const client = await upstreamClient(this.#options.account, password);
    // Errors reach the command under way; without a listener they would end the process.
    client.on('error', error => this.#logger.debug({ err: error }, 'upstream connection'));
    client.on('close', () => this.#bell.ring());
    client.on('exists', event => {
      if (event.count > event.prevCount) this.#bell.ring();
    });
    this.#client = client;
    try {
      if (this.#stopping) return;
      this.#enter('connecting');
      await this.#login(client, password);
      this.#enter('connected');
      this.#logger.debug('connected');
      const context: CopyContext = {
        client,
        account: store,
        logger: this.#logger,
        onArchived: filed => this.#options.onArchived(store, filed),
        turns: this.#options.turns,
        stopped: () => this.#stopping || !client.usable,
      };
      for (let nextThorough = 0; !this.#stopping; ) {
        const waiting = this.#waiters;
        this.#waiters = [];
        try {
          const thorough = Date.now() >= nextThorough;
          await readFolders(context, this.#options.account, this.#options.auto, thorough);
          if (thorough) {
            await this.#free(context);
            nextThorough = Date.now() + THOROUGH_MS;
          }
          if (!client.usable) throw new Error('the connection went away');
        } catch (error) {
          this.#waiters.unshift(...waiting);
          throw error;
        }
        for (const waiter of waiting) waiter.resolve();
        onRound();
        this.#state = { ...this.#state, lastRoundAt: Date.now() };
        if (this.#visiting && !this.#stopping) {
          this.#awayUntil = Date.now() + this.#options.awayMs;
          return await goodbye(client);
        }
        // Ends by itself when the next round sends a command.
        void client.idle().catch(() => this.#bell.ring());
        await this.#bell.wait(this.#options.pollMs);
        if (!client.usable && !this.#stopping) throw new Error('the connection went away');
      }
    } finally {
      this.#client = null;
      client.close();
    }
  }

  /** The policy on space upstream, where there is one, in the folders that are archived. */
  async #free({ client, account, stopped }: CopyContext): Promise<void> {
    const { space } = this.#options;
    if (space === null || stopped()) return;
    const folders = (await account.cursors()).map(({ folder }) => folder);
    try {
      const { messages, octets, kept } = await freeUpstream(client, account, folders, {
        after: space.after,
        keptBefore: Date.now() - space.days * DAY,
        receivedBefore: null,
        perDay: space.perDay,
        dryRun: space.dryRun,
        actor: 'archiver',
        stopped,
        logger: this.#logger,
      });
      if (messages + kept.length > 0) {
        this.#logger.info({ messages, octets, kept: kept.length, dryRun: space.dryRun }, 'space upstream');
      }
    } catch (error) {
      if (!client.usable) throw error;
      this.#logger.error({ err: error }, 'no space could be freed upstream');
    }
  }

  async #login(client: ImapFlow, password: string): Promise<void> {
    const { account, guard } = this.#options;
    let failure: unknown = new Error('the upstream is not available');
    const outcome = await guard.attempt(account.address, password, async () => {
      try {
        await client.connect();
        return 'accepted';
      } catch (error) {
        failure = error;
        const reason = loginFailure(error);
        if (reason === 'crowded') this.#visitingUntil = Date.now() + VISITING_TIMES * this.#options.awayMs;
        return reason === 'refused' ? 'refused' : 'unavailable';
      }
    });
    if (outcome === 'refused') throw new RefusedError(`the upstream refuses the password of ${account.address}`);
    if (outcome === 'unavailable') throw failure;
  }

  #settle(error: Error): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}

async function goodbye(client: ImapFlow): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>(resolve => {
    timer = setTimeout(resolve, GOODBYE_MS);
  });
  await Promise.race([client.logout().catch(() => {}), limit]);
  clearTimeout(timer);
  client.close();
}
