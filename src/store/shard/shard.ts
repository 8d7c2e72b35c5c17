import { Worker } from 'node:worker_threads';
import { fromFailure } from '../errors.ts';
import type { FileRequest } from '../ingest/commit.ts';
import { roomyThreads } from '../thread-heap.ts';
import { type Filed, StoreError, type StoreEvent } from '../types.ts';
import type { AccountRepair } from './account.ts';
import type { Arguments, OperationName, Result } from './operations.ts';
import type { Reply, Request } from './protocol.ts';

interface Pending {
  readonly address: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Body = Request extends infer Each ? (Each extends Request ? Omit<Each, 'id' | 'address'> : never) : never;

/**
 * The main thread's end of a store thread. If the thread dies, what it was asked is rejected as UNAVAILABLE (it may or
 * may not have been done; doing it again is harmless), and its accounts are opened again on a new thread.
 */
export class Shard {
  readonly #onEvents: (address: string, events: readonly StoreEvent[]) => void;
  readonly #onDeath: (error: Error) => void;
  readonly #pending = new Map<number, Pending>();
  /** Where each open account lies, and its data key. */
  readonly #places = new Map<string, { readonly directory: string; readonly key: Uint8Array }>();
  #worker: Worker | null = null;
  #next = 1;
  #closed = false;

  constructor(onEvents: (address: string, events: readonly StoreEvent[]) => void, onDeath: (error: Error) => void) {
    this.#onEvents = onEvents;
    this.#onDeath = onDeath;
  }

  /** Repairs made, null when the account was open. */
  async open(address: string, directory: string, key: Uint8Array): Promise<AccountRepair | null> {
    const repair = (await this.#send(address, { kind: 'open', directory, key })) as AccountRepair | null;
    this.#places.set(address, { directory, key });
    return repair;
  }

  async file(address: string, file: FileRequest): Promise<Filed> {
    return (await this.#send(address, { kind: 'file', file }, [file.prepared.buffer as ArrayBuffer])) as Filed;
  }

  async call<Name extends OperationName>(
    address: string,
    name: Name,
    ...parameters: Arguments<Name>
  ): Promise<Result<Name>> {
    return (await this.#send(address, { kind: 'call', name, parameters }, parameters.flatMap(roomIn))) as Result<Name>;
  }

  /** Closes every account after what was asked of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const closing = this.#worker ? [...this.#places.keys()].map(address => this.#send(address, { kind: 'close' })) : [];
    this.#closed = true;
    await Promise.allSettled(closing);
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #send(address: string, body: Body, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreError('UNAVAILABLE', "L'archivio è chiuso"));
    const worker = this.#worker ?? this.#start();
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#pending.set(id, { address, resolve, reject });
      worker.postMessage({ ...body, id, address } as Request, transfer);
    });
  }

  #start(): Worker {
    roomyThreads();
    const worker = new Worker(new URL('./shard.worker.ts', import.meta.url), { name: 'store' });
    worker.on('message', (reply: Reply) => this.#receive(reply));
    let failure = new Error('the store thread ended');
    worker.on('error', error => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', () => this.#died(worker, failure));
    this.#worker = worker;
    // A new thread after a death: the accounts are opened before anything else is asked of them.
    for (const [address, place] of this.#places) {
      this.#send(address, { kind: 'open', ...place }).catch(error => this.#onDeath(error));
    }
    return worker;
  }

  #receive(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (!pending) return;
    if (reply.ok) pending.resolve(reply.value);
    else pending.reject(fromFailure(reply.failure));
    if (reply.events.length > 0) this.#onEvents(pending.address, reply.events);
  }

  #died(worker: Worker, failure: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of lost) reject(new StoreError('UNAVAILABLE', 'Archivio momentaneamente non disponibile'));
    if (!this.#closed) this.#onDeath(failure);
  }
}

/** What a fetch is given to fill changes threads as it is. */
function roomIn(parameter: unknown): ArrayBuffer[] {
  if (typeof parameter !== 'object' || parameter === null || !('room' in parameter)) return [];
  return parameter.room instanceof ArrayBuffer ? [parameter.room] : [];
}
