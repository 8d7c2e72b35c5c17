/**
 * A store thread: the databases of its accounts and everything that touches them. Requests of one account run one after
 * the other; messages waiting to be filed go together.
 */
import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { type AccountKeys, deriveAccountKeys } from '../crypto/account-keys.ts';
import type { AccountContext } from '../database/context.ts';
import { toFailure } from '../errors.ts';
import type { PackedRows } from '../fetch/packed.ts';
import { type FileRequest, fileBatch } from '../ingest/commit.ts';
import { BATCH_BYTES, BATCH_MESSAGES, WARM_ACCOUNTS } from '../limits.ts';
import { release } from '../release.ts';
import { StoreError, type StoreEvent } from '../types.ts';
import { type AccountRepair, openAccount } from './account.ts';
import { OPERATIONS } from './operations.ts';
import type { Reply, Request } from './protocol.ts';

interface Waiting {
  readonly id: number;
  readonly address: string;
  readonly file: FileRequest;
}

/** What the accounts used last have in memory, all accounts of the thread cannot have. */
const warm = new LRUCache<Account, true>({
  max: WARM_ACCOUNTS,
  dispose: (_, account, reason) => {
    if (reason === 'evict') account.cool();
  },
});

class Account {
  readonly #waiting: Waiting[] = [];
  #context: AccountContext | null = null;
  #place: { readonly directory: string; readonly keys: AccountKeys } | null = null;
  #tail: Promise<void> = Promise.resolve();

  /** Runs `work` after what this account was asked before. */
  queue(work: () => void | Promise<void>): void {
    this.#tail = this.#tail.then(work);
  }

  /** What was repaired; null when the account was open already. */
  open(address: string, directory: string, keys: AccountKeys): AccountRepair | null {
    if (this.#context) return null;
    const { context, repair } = openAccount(address, directory, keys);
    this.#context = context;
    this.#place = { directory, keys };
    warm.set(this, true);
    return repair;
  }

  cool(): void {
    this.#context?.cool();
  }

  close(): void {
    warm.delete(this);
    this.#context?.close();
    this.#context = null;
    this.#place = null;
  }

  /** The open account; after a failed write it is first opened anew. */
  context(address: string): AccountContext {
    if (this.#context?.broken) {
      this.#context.close();
      this.#context = null;
    }
    if (!this.#context && this.#place !== null) this.open(address, this.#place.directory, this.#place.keys);
    if (!this.#context) throw new StoreError('UNAVAILABLE', 'Archivio momentaneamente non disponibile');
    warm.set(this, true);
    return this.#context;
  }

  events(): StoreEvent[] {
    return this.#context?.takeEvents() ?? [];
  }

  file(request: Waiting): void {
    this.#waiting.push(request);
    if (this.#waiting.length > 1) return;
    this.queue(async () => {
      while (this.#waiting.length > 0) {
        // Requests that came while the last batch was written join this one, and other accounts get their turn.
        await setImmediate();
        this.#fileBatch();
      }
    });
  }

  #fileBatch(): void {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const request of this.#waiting) {
      bytes += request.file.prepared.length;
      if (batch.length > 0 && (batch.length >= BATCH_MESSAGES || bytes > BATCH_BYTES)) break;
      batch.push(request);
    }
    this.#waiting.splice(0, batch.length);
    try {
      const context = this.context(batch[0]?.address ?? '');
      const outcomes = fileBatch(
        context,
        batch.map(({ file }) => file),
      );
      // Events first come with the first reply: nobody is told of a message before it can be seen.
      outcomes.forEach((outcome, index) => {
        const id = batch[index]?.id ?? 0;
        const events = this.events();
        if ('filed' in outcome) reply({ id, ok: true, value: outcome.filed, events });
        else reply({ id, ok: false, failure: outcome.failure, events });
      });
    } catch (error) {
      for (const { id } of batch) reply({ id, ok: false, failure: toFailure(error), events: this.events() });
    } finally {
      release(...batch.map(({ file }) => file.prepared));
    }
  }
}

const accounts = new Map<string, Account>();
const port = parentPort;
if (!port) throw new Error('shard.worker.ts runs in a worker thread only');
port.on('message', receive);

function receive(request: Request): void {
  let account = accounts.get(request.address);
  if (!account) {
    account = new Account();
    accounts.set(request.address, account);
  }
  if (request.kind === 'file') account.file({ id: request.id, address: request.address, file: request.file });
  else account.queue(() => answer(account, request));
}

async function answer(account: Account, request: Exclude<Request, { kind: 'file' }>): Promise<void> {
  try {
    const value = await run(account, request);
    reply({ id: request.id, ok: true, value, events: account.events() });
  } catch (error) {
    reply({ id: request.id, ok: false, failure: toFailure(error), events: account.events() });
  }
}

function run(account: Account, request: Exclude<Request, { kind: 'file' }>): unknown {
  if (request.kind === 'open') {
    return account.open(request.address, request.directory, deriveAccountKeys(request.key));
  }
  if (request.kind === 'close') return account.close();
  const operation = OPERATIONS[request.name] as (context: AccountContext, ...parameters: readonly unknown[]) => unknown;
  return operation(account.context(request.address), ...request.parameters);
}

/** Octets and UIDs have buffers of their own: they change threads without being copied. */
function reply(message: Reply): void {
  port?.postMessage(message, message.ok ? buffersOf(message.value) : []);
}

function buffersOf(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array || value instanceof Uint32Array) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null || !('places' in value)) return [];
  const { buffers, kept } = value as PackedRows;
  const all = kept.listings === null ? buffers : [...buffers, kept.listings.octets.buffer];
  return all.filter(buffer => buffer instanceof ArrayBuffer);
}
