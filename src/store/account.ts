import { EventEmitter } from 'node:events';
import { readdir } from 'node:fs/promises';
import type { IndexedAccount, Indexing } from './attachments/indexing.ts';
import type { SearchCriteria, SortCriterion, ThreadAlgorithm } from './criteria.ts';
import { evidencePath, makeEvidenceDirectory } from './directory.ts';
import { unpackRows } from './fetch/packed.ts';
import type { Preparing } from './ingest/preparing.ts';
import { MessageSpool } from './ingest/spool.ts';
import type { StoreLogger } from './logger.ts';
import type { ServiceTerm } from './service-term.ts';
import type { Arguments, OperationName, Result } from './shard/operations.ts';
import type { Shard } from './shard/shard.ts';
import { type CompactOptions, compact } from './space/compact.ts';
import {
  type AccountFigures,
  type AccountStore,
  type CopyOutcome,
  type DistributionRequest,
  type Exchange,
  type FetchedMessage,
  type FetchRequest,
  type Filed,
  type Filing,
  type FlagChange,
  type FolderCursor,
  type HeldMessage,
  type JournalEntry,
  type JournalHead,
  type KeptCopy,
  type MessageRecord,
  type OpenedView,
  type QueuedMessage,
  type SealedPackage,
  type Spool,
  type StoredFlags,
  StoreError,
  type StoreEvent,
  type ThreadList,
  type UnreadablePart,
  type UpstreamFolder,
  type UpstreamMessage,
  type UpstreamText,
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
  readonly #indexing: Indexing | null;
  readonly #indexed: IndexedAccount;
  readonly #logger: StoreLogger | null;
  readonly #expiringDays: number;
  #compacting: Promise<{ readonly freedBytes: number }> | null = null;
  readonly #emitter = new EventEmitter<{ change: [StoreEvent] }>().setMaxListeners(0);

  constructor(
    address: string,
    directory: string,
    shard: Shard,
    preparing: Preparing,
    indexing: Indexing | null,
    logger: StoreLogger | null,
    expiringDays: number,
  ) {
    this.address = address;
    this.directory = directory;
    this.#shard = shard;
    this.#preparing = preparing;
    this.#indexing = indexing;
    this.#indexed = { address, directory, shard };
    this.#logger = logger;
    this.#expiringDays = expiringDays;
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
    return this.#preparing.spool(this.directory);
  }

  file(view: View, spool: Spool, filing: Filing): Promise<Filed> {
    return this.#take(view, spool, filing, true);
  }

  async hold(view: View, spool: Spool, filing: Filing): Promise<HeldMessage> {
    const { message } = await this.#take(view, spool, filing, false);
    return { message, size: spool.size, filing };
  }

  fileHeld(view: View, messages: readonly HeldMessage[]): Promise<Filed[]> {
    return this.#call('fileHeld', view, messages);
  }

  async #take(view: View, spool: Spool, filing: Filing, place: boolean): Promise<Filed> {
    if (!(spool instanceof MessageSpool)) throw new StoreError('SERVERBUG', 'Messaggio di un altro archivio');
    await spool.end();
    try {
      const filed = await this.#preparing.run(spool, prepared =>
        this.#shard.file(this.address, { view, filing, prepared, place }),
      );
      this.readAttachments();
      return filed;
    } catch (error) {
      throw this.#told('file', error);
    } finally {
      await spool.discard();
    }
  }

  changes(view: View, sinceModseq: number): Promise<ViewChanges> {
    return this.#call('changes', view, sinceModseq);
  }

  async fetch(view: View, uids: readonly number[], request: FetchRequest): Promise<FetchedMessage[]> {
    return unpackRows(await this.#call('fetch', view, uids, request));
  }

  read(message: string, start: number, length: number): Promise<Uint8Array> {
    return this.#call('read', message, start, length);
  }

  readDecoded(message: string, part: readonly number[], start: number, length: number): Promise<Uint8Array> {
    return this.#call('readDecoded', message, part, start, length);
  }

  storeFlags(
    view: View,
    uids: readonly number[],
    change: FlagChange,
  ): Promise<{ readonly stored: StoredFlags[]; readonly modified: number[] }> {
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

  sort(
    view: View,
    criteria: SearchCriteria,
    keys: readonly SortCriterion[],
    grades: readonly SearchCriteria[],
  ): Promise<Uint32Array> {
    return this.#call('sort', view, criteria, keys, grades);
  }

  thread(view: View, criteria: SearchCriteria, algorithm: ThreadAlgorithm): Promise<ThreadList> {
    return this.#call('thread', view, criteria, algorithm);
  }

  unreadable(limit: number, after = 0): Promise<UnreadablePart[]> {
    return this.#call('unreadable', limit, after);
  }

  textPending(): Promise<number> {
    return this.#call('countPending');
  }

  async textSettled(): Promise<void> {
    await this.#indexing?.settled(this.#indexed);
  }

  cursors(): Promise<FolderCursor[]> {
    return this.#call('cursors');
  }

  setCursor(cursor: FolderCursor, known: readonly UpstreamMessage[] = []): Promise<void> {
    return this.#call('setCursor', cursor, known);
  }

  knowUpstream(folder: UpstreamFolder, known: readonly UpstreamMessage[]): Promise<void> {
    return this.#call('knowUpstream', folder, known);
  }

  searchUpstream(folder: UpstreamFolder, texts: readonly UpstreamText[]): Promise<(Uint32Array | null)[]> {
    return this.#call('searchUpstream', folder, texts);
  }

  knownUpstreamUids(folder: UpstreamFolder): Promise<Uint32Array> {
    return this.#call('knownUpstreamUids', folder);
  }

  upstreamMessages(folder: UpstreamFolder, uids: readonly number[]): Promise<UpstreamMessage[]> {
    return this.#call('upstreamMessages', folder, uids);
  }

  retainUpstream(folder: UpstreamFolder, present: readonly number[]): Promise<void> {
    return this.#call('retainUpstream', folder, present);
  }

  keptCopy(message: string): Promise<KeptCopy> {
    return this.#call('keptCopy', message);
  }

  record(message: string): Promise<MessageRecord> {
    return this.#call('record', message);
  }

  exchange(message: string): Promise<Exchange | null> {
    return this.#call('exchange', message);
  }

  async reviewWatched(now?: number): Promise<void> {
    while (await this.#call('reviewWatched', this.#expiringDays, now));
  }

  findBySha256(sha256: string): Promise<string | null> {
    return this.#call('findBySha256', sha256);
  }

  queue(messages: readonly string[]): Promise<void> {
    return this.#call('queue', messages);
  }

  queued(limit: number, offset = 0): Promise<QueuedMessage[]> {
    return this.#call('queued', limit, offset);
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

  figures(): Promise<AccountFigures> {
    return this.#call('figures');
  }

  distributionRequests(): Promise<DistributionRequest[]> {
    return this.#call('distributionRequests');
  }

  distributionDone(id: number, outcome: object): Promise<void> {
    return this.#call('distributionDone', id, outcome);
  }

  journalHead(): Promise<JournalHead> {
    return this.#call('journalHead');
  }

  journal(after: number, limit: number): Promise<JournalEntry[]> {
    return this.#call('readJournal', after, limit);
  }

  appendJournal(act: string, actor: string, detail: object): Promise<void> {
    return this.#call('appendJournal', act, actor, detail);
  }

  serviceTerm(): Promise<ServiceTerm | null> {
    return this.#call('serviceTerm');
  }

  setServiceTerm(term: ServiceTerm | null, act: string, actor: string): Promise<void> {
    return this.#call('setServiceTerm', term, act, actor);
  }

  /** One at a time: who asks while it runs gets its outcome. */
  compact(options: CompactOptions = {}): Promise<{ readonly freedBytes: number }> {
    this.#compacting ??= compact(
      (name, ...parameters) => this.#call(name, ...parameters),
      options,
      (segment, error) =>
        this.#logger?.error({ err: error, account: this.address, segment }, 'a segment could not be compacted'),
    ).finally(() => {
      this.#compacting = null;
    });
    return this.#compacting;
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

  /** Attachments may wait to be read, in the background. */
  readAttachments(): void {
    this.#indexing?.wake(this.#indexed);
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
