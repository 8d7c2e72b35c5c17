/** The archive of every account under one data directory. */
import { Account } from './account.ts';
import { Indexing } from './attachments/indexing.ts';
import { type Keyring, openKeyring } from './crypto/keyring.ts';
import {
  accountDirectory,
  accountExists,
  addressesOnDisk,
  canonicalAddress,
  clearSpool,
  makeAccountDirectory,
} from './directory.ts';
import { Reviews } from './exchange/reviews.ts';
import { Preparing } from './ingest/preparing.ts';
import type { StoreLogger } from './logger.ts';
import { Shard } from './shard/shard.ts';
import { DailyCompaction } from './space/daily.ts';
import { type AccountStore, type Store, StoreError } from './types.ts';

export type * from './criteria.ts';
export * from './types.ts';

export interface StoreOptions {
  /** Store threads; accounts are spread over them. Default 2. */
  readonly threads?: number;
  /** Threads that take messages apart. Default 2. */
  readonly prepareThreads?: number;
  /**
   * Whether there is work in the background: attachments are read for SEARCH, the views under watch brought up to date
   * by the clock, space freed. Default true.
   */
  readonly readAttachments?: boolean;
  /** DER of the authorities that gestori's certificates are checked against as messages come; none by default. */
  readonly anchors?: readonly Uint8Array[];
  /** Days before the end of its gestore's certificate that a message enters `Da conservare`. Default 90. */
  readonly expiringDays?: number;
  readonly logger?: StoreLogger;
  /** Opened with the environment's master key, or the one in `dataDir`, when absent. */
  readonly keyring?: Keyring;
}

/**
 * Opens the store. Accounts are opened one by one, by `account`. Rejects with an Error that names the key's source when
 * the master key is missing or is not the one that the data was encrypted with.
 */
export async function openStore(dataDir: string, options: StoreOptions = {}): Promise<Store> {
  return new LocalStore(dataDir, options.keyring ?? (await openKeyring(dataDir)), options);
}

class LocalStore implements Store {
  readonly #dataDir: string;
  readonly #keyring: Keyring;
  readonly #logger: StoreLogger | null;
  readonly #shards: readonly Shard[];
  readonly #preparing: Preparing;
  readonly #indexing: Indexing | null;
  readonly #reviews: Reviews | null;
  readonly #compaction: DailyCompaction | null;
  readonly #expiringDays: number;
  readonly #accounts = new Map<string, Promise<Account>>();
  readonly #open = new Map<string, Account>();
  #closed: Promise<void> | null = null;

  constructor(dataDir: string, keyring: Keyring, options: StoreOptions) {
    this.#dataDir = dataDir;
    this.#keyring = keyring;
    this.#logger = options.logger ?? null;
    this.#reviews = (options.readAttachments ?? true) ? new Reviews(this.#logger) : null;
    this.#compaction =
      (options.readAttachments ?? true) ? new DailyCompaction(() => this.#open.values(), this.#logger) : null;
    this.#expiringDays = options.expiringDays ?? 90;
    this.#preparing = new Preparing(options.prepareThreads ?? 2, this.#logger, options.anchors);
    this.#indexing = (options.readAttachments ?? true) ? new Indexing(this.#preparing, this.#logger) : null;
    this.#shards = Array.from(
      { length: options.threads ?? 2 },
      () =>
        new Shard(
          (address, events) => this.#open.get(address)?.tell(events),
          error => this.#logger?.error({ err: error }, 'a store thread ended; its accounts are opened again'),
        ),
    );
  }

  async account(address: string, options?: { readonly create: boolean }): Promise<AccountStore> {
    if (this.#closed) throw new StoreError('UNAVAILABLE', "L'archivio è chiuso");
    const canonical = canonicalAddress(address);
    const create = options?.create ?? false;
    for (let known = this.#accounts.get(canonical); known; known = this.#accounts.get(canonical)) {
      if (!create) return known;
      try {
        return await known;
      } catch (error) {
        // Somebody only looked whether there is one: no answer to who wants it made.
        if (!(error instanceof StoreError && error.code === 'NONEXISTENT')) throw error;
      }
    }
    const account = this.#openAccount(canonical, create);
    this.#accounts.set(canonical, account);
    // A failed opening is not remembered: the next one tries again.
    account.catch(() => this.#accounts.delete(canonical));
    return account;
  }

  addresses(): Promise<string[]> {
    return addressesOnDisk(this.#dataDir);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#accounts.values());
    this.#compaction?.close();
    await this.#reviews?.close();
    await this.#indexing?.close();
    await this.#preparing.close();
    await Promise.all(this.#shards.map(shard => shard.close()));
  }

  async #openAccount(address: string, create: boolean): Promise<Account> {
    const directory = accountDirectory(this.#dataDir, address);
    if (create) await makeAccountDirectory(directory);
    else if (!(await accountExists(directory))) throw new StoreError('NONEXISTENT', 'La casella non ha un archivio');
    const shard = this.#shards[hash(address) % this.#shards.length];
    if (!shard) throw new StoreError('SERVERBUG', 'Nessun thread per gli archivi');
    const key = await this.#keyring.accountKey(directory, address);
    const repair = await shard.open(address, directory, key);
    // After the database's lock is ours: another process may be writing to its own spool until then.
    const spooled = await clearSpool(directory);
    if (repair && (repair.cutBytes > 0 || repair.removedFiles > 0 || repair.conserved > 0 || spooled > 0)) {
      this.#logger?.warn({ account: address, ...repair, spooled }, 'the archive was repaired after a crash');
    }
    if (repair && (repair.short.length > 0 || repair.oldSegments)) {
      const { short, oldSegments } = repair;
      this.#logger?.error({ account: address, short, oldSegments }, 'segments are damaged, missing or an old copy');
    }
    const account = new Account(
      address,
      directory,
      shard,
      this.#preparing,
      this.#indexing,
      this.#logger,
      this.#expiringDays,
    );
    this.#open.set(address, account);
    account.readAttachments();
    this.#reviews?.add(account);
    return account;
  }
}

/** FNV-1a: spreads addresses over the store threads. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}
