import { createHash } from 'node:crypto';
import {
  type AccountStore,
  type Filed,
  type Filing,
  type FolderCursor,
  type Spool,
  type Store,
  StoreError,
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

  async setCursor(cursor: FolderCursor): Promise<void> {
    this.#cursors.set(cursor.folder, cursor);
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

  async file(_view: unknown, spool: Spool, filing: Filing): Promise<Filed> {
    const chunks = this.#chunks.get(spool);
    if (chunks === undefined) throw new StoreError('SERVERBUG', 'the spool was used before');
    this.#chunks.delete(spool);
    this.openSpools -= 1;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const raw = Buffer.concat(chunks);
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
    return account as unknown as AccountStore;
  }

  async addresses(): Promise<string[]> {
    return [...this.accounts.keys()];
  }

  async close(): Promise<void> {}
}

export function asStore(store: MemoryStore): Store {
  return store;
}
