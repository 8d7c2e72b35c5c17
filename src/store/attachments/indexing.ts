import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createExtractor, type Extractor } from '../../extract/index.ts';
import type { MessageText } from '../../extract/types.ts';
import type { Preparing } from '../ingest/preparing.ts';
import {
  EXTRACTION_GIVES_WAY_MS,
  EXTRACTION_MESSAGES,
  EXTRACTION_RETRY_MS,
  MAX_EXTRACTION_RETRY_MS,
  MAX_READ_BYTES,
} from '../limits.ts';
import type { StoreLogger } from '../logger.ts';
import type { Shard } from '../shard/shard.ts';
import { StoreError } from '../types.ts';
import type { PendingText } from './pending.ts';

/** An account whose messages' attachments are read. */
export interface IndexedAccount {
  readonly address: string;
  readonly directory: string;
  readonly shard: Shard;
}

/**
 * Reads the attachments of messages after these have been filed and acknowledged, a few at a time, and adds their text
 * to what SEARCH knows. Who waits stands in the database, so nothing is forgotten by a crash.
 */
export class Indexing {
  readonly #extractor: Extractor = createExtractor();
  readonly #preparing: Preparing;
  readonly #logger: StoreLogger | null;
  /** Accounts that may have messages waiting, in turns. */
  readonly #accounts = new Set<IndexedAccount>();
  readonly #settled = new Map<IndexedAccount, PromiseWithResolvers<void>>();
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  /** In a row. */
  #failures = 0;

  constructor(preparing: Preparing, logger: StoreLogger | null) {
    this.#preparing = preparing;
    this.#logger = logger;
  }

  /** Messages of the account may be waiting. */
  wake(account: IndexedAccount): void {
    if (this.#closed) return;
    this.#accounts.add(account);
    this.#running ??= this.#run();
  }

  /** Resolves when no message of the account waits any more; rejects with UNAVAILABLE when that is closed before. */
  async settled(account: IndexedAccount): Promise<void> {
    if (this.#closed) throw closedError();
    let settled = this.#settled.get(account);
    if (!settled) {
      settled = Promise.withResolvers<void>();
      this.#settled.set(account, settled);
    }
    this.wake(account);
    return settled.promise;
  }

  /** What is being read waits for the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#extractor.close();
    await this.#running;
    for (const { reject } of this.#settled.values()) reject(closedError());
  }

  get #closed(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    for (let [account] = this.#accounts; account !== undefined; [account] = this.#accounts) {
      this.#accounts.delete(account);
      const good = await this.#turn(account);
      if (this.#closed) break;
      if (good) this.#failures = 0;
      else await this.#pause();
    }
    this.#running = null;
  }

  /** Reads a few messages of an account; whether all went well. */
  async #turn(account: IndexedAccount): Promise<boolean> {
    await this.#preparing.quiet(EXTRACTION_GIVES_WAY_MS);
    if (this.#closed) return false;
    try {
      const waiting = await account.shard.call(account.address, 'pendingTexts', EXTRACTION_MESSAGES);
      if (waiting.length > 0) this.#accounts.add(account);
      else if (!this.#accounts.has(account)) this.#settle(account);
      const outcomes = await Promise.all(waiting.map(message => this.#index(account, message)));
      return !outcomes.includes(false);
    } catch (error) {
      // The store thread is gone; it is started again by whoever asks it next.
      this.#warn(account, error);
      this.#accounts.add(account);
      return false;
    }
  }

  async #index(account: IndexedAccount, pending: PendingText): Promise<boolean> {
    const { address, shard } = account;
    try {
      const { text, sections, unreadable } = await this.#extract(account, pending);
      const folded = text === '' ? null : await this.#preparing.fold(text);
      const notes = unreadable.map(({ section, path, reason }) => ({
        section,
        reason: path === '' ? reason : `${path}: ${reason}`,
      }));
      await shard.call(address, 'indexText', pending.message, { text: folded, sections, unreadable: notes });
      return true;
    } catch (error) {
      if (this.#closed) return false;
      this.#warn(account, error);
      const reason = error instanceof Error ? error.message : String(error);
      await shard.call(address, 'textFailed', pending.message, reason);
      return false;
    }
  }

  /** A small message goes as its octets; a large one as a file, so that nobody holds it twice. */
  async #extract(account: IndexedAccount, { message, size }: PendingText): Promise<MessageText> {
    const read = (start: number): Promise<Uint8Array> =>
      account.shard.call(account.address, 'read', message, start, Math.min(MAX_READ_BYTES, size - start));
    if (size <= MAX_READ_BYTES) return this.#extractor.extract(await read(0));
    const path = join(account.directory, 'spool', randomUUID());
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        for (let start = 0; start < size && !this.#closed; start += MAX_READ_BYTES)
          await file.writeFile(await read(start));
      } finally {
        await file.close();
      }
      return await this.#extractor.extract({ path });
    } finally {
      await rm(path, { force: true });
    }
  }

  #settle(account: IndexedAccount): void {
    this.#settled.get(account)?.resolve();
    this.#settled.delete(account);
  }

  #warn({ address }: IndexedAccount, error: unknown): void {
    if (!this.#closed)
      this.#logger?.warn({ err: error, account: address }, 'attachments could not be read; tried again');
  }

  async #pause(): Promise<void> {
    const milliseconds = Math.min(EXTRACTION_RETRY_MS * 2 ** this.#failures, MAX_EXTRACTION_RETRY_MS);
    this.#failures += 1;
    await setTimeout(milliseconds, undefined, { signal: this.#stop.signal }).catch(() => {});
  }
}

function closedError(): StoreError {
  return new StoreError('UNAVAILABLE', "L'archivio è chiuso");
}
