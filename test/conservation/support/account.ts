import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeMessage } from '../../../src/mime/index.ts';
import { classifyMessage } from '../../../src/pec/index.ts';
import { JOURNAL_START, journalHash } from '../../../src/store/journal/chain.ts';
import {
  type AccountStore,
  type DistributionRequest,
  type Exchange,
  type Filed,
  type Filing,
  type JournalEntry,
  type JournalHead,
  type QueuedMessage,
  type SealedPackage,
  type Spool,
  StoreError,
  type StoreEvent,
  type View,
} from '../../../src/store/types.ts';

interface Held {
  raw: Uint8Array;
  attempts: number;
  queued: boolean;
  sent: boolean;
  conserved: { packageId: string; at: number } | null;
}

/** The part of an account's store that conservation uses, in memory; only evidence is on disk. */
export class MemoryAccount {
  readonly address: string;
  readonly directory: string;
  readonly held = new Map<string, Held>();
  readonly reports: Buffer[] = [];
  readonly failures: { message: string; reason: string; refused: boolean }[] = [];
  readonly settings = new Map<string, string>();
  readonly sealed = new Map<string, SealedPackage>();
  readonly requests: DistributionRequest[] = [];
  readonly acts: JournalEntry[] = [];
  /** Largest read asked for. */
  largestRead = 0;
  /** Replaces what `read` returns. */
  damage: ((message: string, bytes: Uint8Array, start: number) => Uint8Array) | null = null;
  readonly #events = new EventEmitter();

  constructor(directory: string, address = 'studio@pec.example.it') {
    this.directory = directory;
    this.address = address;
  }

  /** As the interface: what is not here is not used. */
  get store(): AccountStore {
    return this as unknown as AccountStore;
  }

  add(raw: string | Uint8Array, options: { readonly queued?: boolean; readonly sent?: boolean } = {}): string {
    const bytes = Buffer.from(raw);
    const message = `m${this.held.size + 1}`;
    const { queued = true, sent = false } = options;
    this.held.set(message, { raw: bytes, attempts: 0, queued, sent, conserved: null });
    const event: StoreEvent = { tree: 'intake', modseq: this.held.size, viewsChanged: false, queued: true };
    this.#events.emit('change', event);
    return message;
  }

  raw(message: string): Uint8Array {
    const held = this.held.get(message);
    if (held === undefined) throw new StoreError('NONEXISTENT', message);
    return held.raw;
  }

  async record(message: string): Promise<QueuedMessage> {
    const held = this.held.get(message);
    if (held === undefined) throw new StoreError('NONEXISTENT', message);
    const { raw } = held;
    const described = describeMessage(raw);
    const pec = classifyMessage(raw, described.root);
    return {
      message,
      sha256: sha256(raw),
      size: raw.length,
      internalDate: Date.UTC(2026, 10, 20, 9, 30),
      category: held.sent ? 'Inviati' : pec.category,
      filedAt: pec.daticert?.at ?? Date.UTC(2026, 10, 20, 9, 30),
      pec,
      signature: null,
      structure: described,
      conserved: held.conserved,
      intakeUid: 1,
      attempts: held.attempts,
      queuedAt: 0,
    };
  }

  async queued(limit: number, offset = 0): Promise<QueuedMessage[]> {
    const waiting = [...this.held].filter(([, { queued }]) => queued).slice(offset, offset + limit);
    return Promise.all(waiting.map(([message]) => this.record(message)));
  }

  async read(message: string, start: number, length: number): Promise<Uint8Array> {
    if (length > 1 << 20) throw new StoreError('LIMIT', 'more than 1 MiB');
    this.largestRead = Math.max(this.largestRead, length);
    const bytes = this.raw(message).subarray(start, start + length);
    return this.damage?.(message, bytes, start) ?? bytes;
  }

  async queueFailed(message: string, reason: string, refused: boolean): Promise<void> {
    const held = this.held.get(message);
    if (held === undefined) throw new StoreError('NONEXISTENT', message);
    held.attempts++;
    if (refused) held.queued = false;
    this.failures.push({ message, reason, refused });
  }

  async evidenceDirectory(packageId: string): Promise<string> {
    const directory = join(this.directory, 'evidence', packageId);
    await mkdir(directory, { recursive: true });
    return directory;
  }

  async conserved(sealed: SealedPackage): Promise<void> {
    for (const { message } of sealed.messages) this.raw(message);
    for (const { message } of sealed.messages) {
      const held = this.held.get(message);
      if (held === undefined) throw new StoreError('NONEXISTENT', message);
      if (held.conserved !== null && held.conserved.packageId !== sealed.packageId) {
        throw new StoreError('SERVERBUG', `${message} conserved twice`);
      }
      held.conserved ??= { packageId: sealed.packageId, at: sealed.sealedAt };
      held.queued = false;
    }
    this.sealed.set(sealed.packageId, sealed);
  }

  async packages(): Promise<SealedPackage[]> {
    return [...this.sealed.values()];
  }

  async distributionRequests(): Promise<DistributionRequest[]> {
    return [...this.requests];
  }

  async distributionDone(id: number): Promise<void> {
    this.requests.splice(
      this.requests.findIndex(request => request.id === id),
      1,
    );
  }

  async findBySha256(digest: string): Promise<string | null> {
    for (const [message, { raw }] of this.held) if (sha256(raw) === digest) return message;
    return null;
  }

  /** What `exchange` answers, by message. */
  readonly exchanges = new Map<string, Exchange>();

  async exchange(message: string): Promise<Exchange | null> {
    return this.exchanges.get(message) ?? null;
  }

  async serviceTerm(): Promise<null> {
    return null;
  }

  async journalHead(): Promise<JournalHead> {
    return this.acts.at(-1) ?? { seq: 0, hash: JOURNAL_START };
  }

  async journal(after: number, limit: number): Promise<JournalEntry[]> {
    return this.acts.slice(after, after + limit);
  }

  async appendJournal(act: string, actor: string, detail: object): Promise<void> {
    const head = await this.journalHead();
    const entry = { seq: head.seq + 1, at: Date.now(), act, actor, detail: JSON.stringify(detail) };
    this.acts.push({ ...entry, hash: journalHash(head.hash, entry) });
  }

  async spool(): Promise<Spool> {
    return new MemorySpool();
  }

  async file(view: View, spool: Spool, _filing: Filing): Promise<Filed> {
    if (!('special' in view) || !(spool instanceof MemorySpool)) throw new StoreError('CANNOT', 'only reports here');
    const bytes = Buffer.concat(spool.chunks);
    const duplicate = this.reports.some(report => report.equals(bytes));
    if (!duplicate) this.reports.push(bytes);
    const uid = this.reports.findIndex(report => report.equals(bytes)) + 1;
    return { view, uidValidity: 1, uid, message: `r${uid}`, sha256: sha256(bytes), duplicate };
  }

  async setting<T>(key: string): Promise<T | null> {
    const value = this.settings.get(key);
    return value === undefined ? null : JSON.parse(value);
  }

  async setSetting<T>(key: string, value: T): Promise<void> {
    this.settings.set(key, JSON.stringify(value));
  }

  on(event: 'change', listener: (event: StoreEvent) => void): this {
    this.#events.on(event, listener);
    return this;
  }

  off(event: 'change', listener: (event: StoreEvent) => void): this {
    this.#events.off(event, listener);
    return this;
  }

  get listeners(): number {
    return this.#events.listenerCount('change');
  }
}

class MemorySpool implements Spool {
  readonly chunks: Uint8Array[] = [];
  get size(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  async write(chunk: Uint8Array): Promise<void> {
    this.chunks.push(chunk.slice());
  }
  async discard(): Promise<void> {}
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
