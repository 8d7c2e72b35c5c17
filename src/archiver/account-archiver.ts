import type { ImapFlow, MailboxObject } from 'imapflow';
import type { Logger } from 'pino';
import type { Account, AccountDirectory, LoginGuard, Vault } from '../store/accounts/types.ts';
import type { AccountStore, Filed } from '../store/types.ts';
import { type Backoff, delayBefore } from './backoff.ts';
import { isRefusedLogin, upstreamClient } from './connect.ts';
import { type CopyContext, copyNewMessages, retryFailed } from './copy-folder.ts';
import { findSentFolder } from './sent-folder.ts';
import { Signal } from './signal.ts';

export interface AccountArchiverOptions {
  readonly account: Account;
  readonly directory: AccountDirectory;
  readonly vault: Vault;
  readonly guard: LoginGuard;
  readonly logger: Logger;
  readonly auto: { readonly incoming: boolean; readonly sent: boolean };
  readonly onArchived: (account: AccountStore, filed: Filed) => Promise<void>;
  /** How often the sent folder is looked at, milliseconds. */
  readonly pollMs: number;
  readonly backoff: Backoff;
}

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** Settings of the account's store. */
const REFUSED = 'archiver.refused';
const SENT_FOLDER = 'archiver.sentFolder';

const RETRY_FAILED_MS = 60 * 60_000;

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
    if (delayMs > 0) await this.#bell.wait(delayMs);
    const { account, directory, vault, backoff } = this.#options;
    for (let failures = 0; !this.#stopping; ) {
      const password = await vault.recall(account.address);
      if (password === null) return this.#settle(new Error(`no password of ${account.address} is known yet`));
      const store = await directory.store(account);
      if (this.#freshPassword) {
        this.#freshPassword = false;
        await store.setSetting(REFUSED, false);
      } else if ((await store.setting<boolean>(REFUSED)) === true) {
        return this.#settle(new RefusedError(`the upstream refuses the password of ${account.address}`));
      }
      try {
        await this.#session(store, password, () => (failures = 0));
      } catch (error) {
        this.#settle(error instanceof Error ? error : new Error(String(error)));
        if (this.#stopping) return;
        if (error instanceof RefusedError) {
          this.#logger.warn('the upstream refuses the stored password: archiving waits for the next good login');
          await store.setSetting(REFUSED, true);
          if (!this.#freshPassword) return;
          continue;
        }
        const delay = delayBefore(failures++, backoff);
        this.#logger.warn({ err: error, delayMs: Math.round(delay) }, 'archiving is interrupted');
        await this.#bell.wait(delay);
      }
    }
  }

  /** Connects and archives until the connection ends; always throws in the end, unless it is told to stop. */
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
      await this.#login(client, password);
      this.#logger.debug('connected');
      const context: CopyContext = {
        client,
        account: store,
        logger: this.#logger,
        onArchived: filed => this.#options.onArchived(store, filed),
        stopped: () => this.#stopping || !client.usable,
      };
      for (let nextRetry = 0; !this.#stopping; ) {
        const waiting = this.#waiters;
        this.#waiters = [];
        try {
          const retry = Date.now() >= nextRetry;
          await this.#round(context, retry);
          if (retry) nextRetry = Date.now() + RETRY_FAILED_MS;
          if (!client.usable) throw new Error('the connection went away');
        } catch (error) {
          this.#waiters.unshift(...waiting);
          throw error;
        }
        for (const waiter of waiting) waiter.resolve();
        onRound();
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

  async #login(client: ImapFlow, password: string): Promise<void> {
    const { account, guard } = this.#options;
    let failure: unknown = new Error('the upstream is not available');
    const outcome = await guard.attempt(account.address, password, async () => {
      try {
        await client.connect();
        return 'accepted';
      } catch (error) {
        failure = error;
        return isRefusedLogin(error) ? 'refused' : 'unavailable';
      }
    });
    if (outcome === 'refused') throw new RefusedError(`the upstream refuses the password of ${account.address}`);
    if (outcome === 'unavailable') throw failure;
  }

  /** INBOX first, for its pushes; then the sent folder, if it has grown; INBOX again, if that took our eyes off it. */
  async #round(context: CopyContext, retry: boolean): Promise<void> {
    const { auto } = this.#options;
    if (auto.incoming) await this.#inbox(context, retry);
    if (!auto.sent) return;
    const opened = await this.#sent(context, retry);
    if (opened && auto.incoming) await this.#inbox(context, false);
  }

  async #inbox(context: CopyContext, retry: boolean): Promise<void> {
    const mailbox = await open(context.client, 'INBOX');
    if (retry) await retryFailed(context, mailbox, 'received');
    await copyNewMessages(context, mailbox, 'received', false);
  }

  /** Whether it had to open the folder. */
  async #sent(context: CopyContext, retry: boolean): Promise<boolean> {
    const { client, account: store } = context;
    const { upstream } = this.#options.account;
    const known = await store.setting<{ readonly path: string | null }>(SENT_FOLDER);
    let path = known?.path ?? null;
    if (retry || path === null) {
      path = findSentFolder(await client.list(), upstream.kind === 'remote' ? upstream.sentFolder : null);
      // A folder that was not there at a former look has only mail of the time since: it counts from its first message.
      if (known === null || (path !== null && known.path !== null && path !== known.path)) {
        await store.setSetting(SENT_FOLDER, { path });
      }
    }
    if (path === null) return false;
    const fromStart = known !== null && known.path === null;
    if (!retry && !fromStart && !isOpen(client, path) && !(await hasGrown(client, store, path))) return false;
    const mailbox = await open(client, path);
    if (retry) await retryFailed(context, mailbox, 'sent');
    await copyNewMessages(context, mailbox, 'sent', fromStart);
    if (fromStart) await store.setSetting(SENT_FOLDER, { path });
    return true;
  }

  #settle(error: Error): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}

/**
 * Read-only: EXAMINE changes no flag, `\Recent` included, in the user's mailbox. In a folder that is open already a
 * server may search only what it has announced, and NOOP lets it announce (RFC 3501 section 6.1.2).
 */
async function open(client: ImapFlow, path: string): Promise<MailboxObject> {
  if (!isOpen(client, path)) return client.mailboxOpen(path, { readOnly: true });
  await client.noop();
  const { mailbox } = client;
  if (!mailbox) throw new Error('the connection went away');
  return mailbox;
}

function isOpen(client: ImapFlow, path: string): boolean {
  return client.mailbox !== false && client.mailbox.path === path;
}

async function hasGrown(client: ImapFlow, store: AccountStore, path: string): Promise<boolean> {
  const cursor = (await store.cursors()).find(known => known.folder === path);
  if (cursor === undefined) return true;
  const status = await client.status(path, { uidNext: true, uidValidity: true });
  if (!status || status.uidNext === undefined) return true;
  return Number(status.uidValidity) !== cursor.uidValidity || status.uidNext > cursor.lastUid + 1;
}
