import { EventEmitter } from 'node:events';
import { readdir } from 'node:fs/promises';
import type { SearchCriteria } from './criteria.ts';
import { evidencePath, makeEvidenceDirectory } from './directory.ts';
import type { Preparing } from './ingest/preparing.ts';
import { SpoolFile } from './ingest/spool.ts';
import type { StoreLogger } from './logger.ts';
import type { Arguments, OperationName, Result } from './shard/operations.ts';
import type { Shard } from './shard/shard.ts';
import {
  type AccountStore,
  type CopyOutcome,
  type FetchedMessage,
  type FetchRequest,
  type Filed,
  type Filing,
  type FlagChange,
  type FolderCursor,
  type MessageFlags,
  type MessageRecord,
  type OpenedView,
  type QueuedMessage,
  type SealedPackage,
  type Spool,
  StoreError,
  type StoreEvent,
  type View,
  type ViewChanges,
  type ViewListing,
  type ViewStatus,
} from './types.ts';

/** One account as the rest of Archivia sees it: every call goes to the account's store thread. */
export class Account implements AccountStore {
  readonly address: string;
  readonly directory: string;
  readonly #shard: Shard;
  readonly #preparing: Preparing;
  readonly #logger: StoreLogger | null;
  readonly #emitter = new EventEmitter<{ change: [StoreEvent] }>().setMaxListeners(0);

  constructor(address: string, directory: string, shard: Shard, preparing: Preparing, logger: StoreLogger | null) {
    this.address = address;
    this.directory = directory;
    this.#shard = shard;
    this.#preparing = preparing;
    this.#logger = logger;
  }

  listViews(): Promise<ViewListing[]> {
    return this.#call('listViews');
  }

  setSubscribed(view: View, subscribed: boolean): Promise<void> {
    return this.#call('setSubscribed', view, subscribed);
  }

  createMailbox(name: string, specialUse?: string): Promise<void> {
    return this.#call('createMailbox', name, specialUse);
  }

  deleteMailbox(name: string): Promise<void> {
    return this.#call('deleteMailbox', name);
  }

  renameMailbox(from: string, to: string): Promise<void> {
    return this.#call('renameMailbox', from, to);
  }

  status(views: readonly View[]): Promise<ViewStatus[]> {
    return this.#call('status', views);
  }

  open(view: View, options: { readonly readOnly: boolean }): Promise<OpenedView> {
    return this.#call('open', view, options);
  }

  async spool(): Promise<Spool> {
    return SpoolFile.create(this.directory);
  }

  async file(view: View, spool: Spool, filing: Filing): Promise<Filed> {
    if (!(spool instanceof SpoolFile)) throw new StoreError('SERVERBUG', 'Messaggio di un altro archivio');
    await spool.end();
    try {
      return await this.#preparing.run(spool.path, spool.size, prepared =>
        this.#shard.file(this.address, { view, filing, prepared }),
      );
    } catch (error) {
      throw this.#told('file', error);
    } finally {
      await spool.discard();
    }
  }

  changes(view: View, sinceModseq: number): Promise<ViewChanges> {
    return this.#call('changes', view, sinceModseq);
  }

  fetch(view: View, uids: readonly number[], request: FetchRequest): Promise<FetchedMessage[]> {
    return this.#call('fetch', view, uids, request);
  }

  read(message: string, start: number, length: number): Promise<Uint8Array> {
    return this.#call('read', message, start, length);
  }

  storeFlags(
    view: View,
    uids: readonly number[],
    change: FlagChange,
  ): Promise<{ readonly stored: MessageFlags[]; readonly modified: number[] }> {
    return this.#call('storeFlags', view, uids, change);
  }

  expunge(view: View, uids: readonly number[] | null): Promise<{ readonly uids: number[]; readonly modseq: number }> {
    return this.#call('expunge', view, uids);
  }

  copy(view: View, uids: readonly number[], to: View): Promise<CopyOutcome> {
    return this.#call('copy', view, uids, to);
  }

  move(view: View, uids: readonly number[], to: View): Promise<CopyOutcome> {
    return this.#call('move', view, uids, to);
  }

  remove(view: View, uids: readonly number[]): Promise<void> {
    return this.#call('remove', view, uids);
  }

  search(view: View, criteria: SearchCriteria): Promise<Uint32Array> {
    return this.#call('search', view, criteria);
  }

  cursors(): Promise<FolderCursor[]> {
    return this.#call('cursors');
  }

  setCursor(cursor: FolderCursor): Promise<void> {
    return this.#call('setCursor', cursor);
  }

  record(message: string): Promise<MessageRecord> {
    return this.#call('record', message);
  }

  findBySha256(sha256: string): Promise<string | null> {
    return this.#call('findBySha256', sha256);
  }

  queue(messages: readonly string[]): Promise<void> {
    return this.#call('queue', messages);
  }

  queued(limit: number): Promise<QueuedMessage[]> {
    return this.#call('queued', limit);
  }

  queueFailed(message: string, reason: string, refused: boolean): Promise<void> {
    return this.#call('queueFailed', message, reason, refused);
  }

  evidenceDirectory(packageId: string): Promise<string> {
    return makeEvidenceDirectory(this.directory, packageId);
  }

  async conserved(sealed: SealedPackage): Promise<void> {
    const files = await readdir(evidencePath(this.directory, sealed.packageId)).catch(() => []);
    if (files.length === 0) throw new StoreError('CANNOT', 'Mancano le evidenze del pacchetto');
    await this.#call('sealPackage', sealed);
    while (await this.#call('conserveNext', sealed.packageId));
  }

  packages(): Promise<SealedPackage[]> {
    return this.#call('packages');
  }

  async setting<T>(key: string): Promise<T | null> {
    const value = await this.#call('setting', key);
    return value === null ? null : JSON.parse(value);
  }

  setSetting<T>(key: string, value: T): Promise<void> {
    return this.#call('setSetting', key, JSON.stringify(value));
  }

  on(event: 'change', listener: (event: StoreEvent) => void): this {
    this.#emitter.on(event, listener);
    return this;
  }

  off(event: 'change', listener: (event: StoreEvent) => void): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /** Tells listeners; one that throws is logged and disturbs nobody. */
  tell(events: readonly StoreEvent[]): void {
    for (const event of events) {
      for (const listener of this.#emitter.listeners('change')) {
        try {
          listener(event);
        } catch (error) {
          this.#logger?.error({ err: error, account: this.address }, 'a listener of store changes failed');
        }
      }
    }
  }

  async #call<Name extends OperationName>(name: Name, ...parameters: Arguments<Name>): Promise<Result<Name>> {
    try {
      return await this.#shard.call(this.address, name, ...parameters);
    } catch (error) {
      throw this.#told(name, error);
    }
  }

  /** Failures that are nobody's wrong use are logged where they pass. */
  #told(operation: string, error: unknown): unknown {
    const foreseen = error instanceof StoreError && error.code !== 'SERVERBUG' && error.code !== 'CORRUPTION';
    if (!foreseen || error.cause !== undefined) {
      this.#logger?.error({ err: error, account: this.address, operation }, 'a store operation failed');
    }
    return error;
  }
}
