import { createHash } from 'node:crypto';
import {
  type AccountStore,
  type Filed,
  type Filing,
  type FlagChange,
  type FolderCursor,
  type HeldMessage,
  type MessageRecord,
  type Spool,
  type Store,
  StoreError,
  type UpstreamFolder,
  type UpstreamMessage,
} from '../../src/store/types.ts';

export interface FiledMessage {
  readonly raw: Buffer;
  readonly filing: Filing;
}

/** As much of a store as accounts, archiver and submission use; the bytes stay in memory. */
export class MemoryAccount {
  readonly address: string;
  readonly messages: FiledMessage[] = [];
  /** Spools that were neither filed nor discarded. */
  openSpools = 0;
  /** Octets written into spools so far. */
  spooled = 0;
  /** Thrown by the next `file` calls, one each. */
  readonly failures: StoreError[] = [];
  /** Thrown by every `write` while set. */
  writeFailure: StoreError | null = null;
  readonly #settings = new Map<string, string>();
  readonly #cursors = new Map<string, FolderCursor>();
  readonly #upstream = new Map<string, string>();
  readonly #chunks = new WeakMap<Spool, Buffer[]>();

  constructor(address: string) {
    this.address = address;
  }

  async setting<T>(key: string): Promise<T | null> {
    const value = this.#settings.get(key);
    return value === undefined ? null : (JSON.parse(value) as T);
  }

  async setSetting<T>(key: string, value: T): Promise<void> {
    this.#settings.set(key, JSON.stringify(value));
  }

  rawSettings(): string {
    return JSON.stringify([...this.#settings]);
  }

  async cursors(): Promise<FolderCursor[]> {
    return [...this.#cursors.values()];
  }

  async setCursor(cursor: FolderCursor, known: readonly UpstreamMessage[] = []): Promise<void> {
    this.#cursors.set(cursor.folder, cursor);
    await this.knowUpstream(cursor, known);
  }

  async knowUpstream({ folder, uidValidity }: UpstreamFolder, known: readonly UpstreamMessage[]): Promise<void> {
    for (const { uid, message } of known) this.#upstream.set(`${folder} ${uidValidity} ${uid}`, message);
  }

  async knownUpstreamUids({ folder, uidValidity }: UpstreamFolder): Promise<Uint32Array> {
    const uids = [...this.#upstream.keys()]
      .filter(key => key.startsWith(`${folder} ${uidValidity} `))
      .map(key => Number(key.split(' ').at(-1)));
    return Uint32Array.from(uids).sort();
  }

  async retainUpstream({ folder, uidValidity }: UpstreamFolder, present: readonly number[]): Promise<void> {
    for (const uid of await this.knownUpstreamUids({ folder, uidValidity })) {
      if (!present.includes(uid)) this.#upstream.delete(`${folder} ${uidValidity} ${uid}`);
    }
  }

  async spool(): Promise<Spool> {
    const chunks: Buffer[] = [];
    this.openSpools += 1;
    const spool: Spool = {
      get size() {
        return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      },
      write: async chunk => {
        if (this.writeFailure !== null) throw this.writeFailure;
        chunks.push(Buffer.from(chunk));
        this.spooled += chunk.length;
      },
      discard: async () => {
        if (this.#chunks.delete(spool)) this.openSpools -= 1;
      },
    };
    this.#chunks.set(spool, chunks);
    return spool;
  }

  /** Filed messages whose flags were changed afterwards. */
  readonly flagChanges: FlagChange[] = [];
  /** Thrown by the next `fileHeld` calls, one each. */
  readonly heldFailures: StoreError[] = [];
  readonly #held = new Map<string, Buffer>();

  async file(_view: unknown, spool: Spool, filing: Filing): Promise<Filed> {
    return this.#place(this.#consume(spool), filing);
  }

  async hold(_view: unknown, spool: Spool, filing: Filing): Promise<HeldMessage> {
    const raw = this.#consume(spool);
    const message = createHash('sha256').update(raw).digest('hex');
    this.#held.set(message, raw);
    return { message, size: raw.length, filing };
  }

  async fileHeld(_view: unknown, messages: readonly HeldMessage[]): Promise<Filed[]> {
    const failure = this.heldFailures.shift();
    if (failure !== undefined) throw failure;
    return messages.map(({ message, filing }) => {
      const raw = this.#held.get(message);
      if (raw === undefined) throw new StoreError('NONEXISTENT', message);
      return this.#place(raw, filing);
    });
  }

  async record(message: string): Promise<Pick<MessageRecord, 'message'> & Record<string, unknown>> {
    const raw = this.#held.get(message) ?? Buffer.alloc(0);
    const messageId = /^message-id:\s*(\S+)/im.exec(raw.toString('latin1'))?.[1] ?? null;
    const pec = { referenceMessageId: null, daticert: null };
    return { message, category: 'Inviati', pec, structure: { messageId } };
  }

  async exchange(): Promise<null> {
    return null;
  }

  async serviceTerm(): Promise<null> {
    return null;
  }

  async storeFlags(_view: unknown, _uids: unknown, change: FlagChange): Promise<void> {
    this.flagChanges.push(change);
  }

  #consume(spool: Spool): Buffer {
    const chunks = this.#chunks.get(spool);
    if (chunks === undefined) throw new StoreError('SERVERBUG', 'the spool was used before');
    this.#chunks.delete(spool);
    this.openSpools -= 1;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    return Buffer.concat(chunks);
  }

  #place(raw: Buffer, filing: Filing): Filed {
    const sha256 = createHash('sha256').update(raw).digest('hex');
    const known = this.messages.findIndex(message => message.raw.equals(raw));
    if (known < 0) this.messages.push({ raw, filing });
    const uid = known < 0 ? this.messages.length : known + 1;
    return { view: { tree: 'archive' }, uidValidity: 1, uid, message: sha256, sha256, duplicate: known >= 0 };
  }
}

export class MemoryStore {
  readonly accounts = new Map<string, MemoryAccount>();

  async account(address: string, options?: { readonly create: boolean }): Promise<AccountStore> {
    let account = this.accounts.get(address);
    if (account === undefined) {
      if (options?.create !== true) throw new StoreError('NONEXISTENT', `no account ${address}`);
      account = new MemoryAccount(address);
      this.accounts.set(address, account);
    }
    return asAccount(account);
  }

  async addresses(): Promise<string[]> {
    return [...this.accounts.keys()];
  }

  async close(): Promise<void> {}
}

export function asAccount(account: MemoryAccount): AccountStore {
  return account as unknown as AccountStore;
}

export function asStore(store: MemoryStore): Store {
  return store;
}
