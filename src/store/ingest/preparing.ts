import { setTimeout as delay } from 'node:timers/promises';
import { move, Piscina, transferableSymbol, valueSymbol } from 'piscina';
import { MAX_PREPARING_BYTES, PREPARE_TIMEOUT_MS } from '../limits.ts';
import type { StoreLogger } from '../logger.ts';
import { roomyThreads } from '../thread-heap.ts';
import { StoreError } from '../types.ts';
import type { PrepareTask } from './prepare.worker.ts';
import { MessageSpool, SpoolMemory } from './spool.ts';

const QUIET_LOOK_MS = 20;

type Moved = ReturnType<typeof move>;

/**
 * The threads that take messages apart, and the bound on how much they hold at a time. They have no limit on their heap:
 * V8 may end the whole process when a thread meets its own. What a parser can take is bounded by its input instead
 * (mime/limits.ts): the largest message makes a heap of some hundred MiB, whatever it consists of.
 */
export class Preparing {
  readonly #pool: Piscina<PrepareTask | Moved | string, Uint8Array>;
  readonly #logger: StoreLogger | null;
  readonly #spoolMemory = new SpoolMemory();
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  readonly #running = new Set<Promise<void>>();
  #bytes = 0;
  #closed = false;

  /** @param anchors DER of the authorities that gestori's certificates are checked against */
  constructor(threads: number, logger: StoreLogger | null, anchors: readonly Uint8Array[] = []) {
    this.#logger = logger;
    roomyThreads();
    this.#pool = new Piscina({
      filename: new URL('./prepare.worker.ts', import.meta.url).href,
      minThreads: 0,
      maxThreads: threads,
      workerData: { anchors },
      idleTimeout: 30_000,
    });
  }

  /** @param directory of the account that the message is for */
  spool(directory: string): MessageSpool {
    return new MessageSpool(directory, this.#spoolMemory);
  }

  /** Prepares a spooled message and hands it to `use`; its bytes count as held until `use` is done. */
  async run<T>(spool: MessageSpool, use: (prepared: Uint8Array) => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreError('UNAVAILABLE', "L'archivio è chiuso");
    const running = this.#run(spool, use);
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#running.add(settled);
    settled.then(() => this.#running.delete(settled));
    return running;
  }

  /** Text as SEARCH compares it, UTF-8. */
  async fold(text: string): Promise<Uint8Array> {
    return this.#pool.run(text, { name: 'foldText' });
  }

  /** Resolves when no message is on its way in, or after so many milliseconds. */
  async quiet(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while (this.#running.size > 0 && !this.#closed && performance.now() < until) await delay(QUIET_LOOK_MS);
  }

  /** After what is in preparation has been filed. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running);
    await this.#pool.destroy();
  }

  async #run<T>(spool: MessageSpool, use: (prepared: Uint8Array) => Promise<T>): Promise<T> {
    await this.#enter(spool.size);
    try {
      return await use(await this.#prepare(spool));
    } finally {
      this.#leave(spool.size);
    }
  }

  /** A parser that hangs or exhausts its memory takes its thread down; the message is then taken as it is. */
  async #prepare(spool: MessageSpool): Promise<Uint8Array> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PREPARE_TIMEOUT_MS);
    try {
      return await this.#task(spool, true, stop.signal);
    } catch (error) {
      this.#logger?.warn({ err: error }, 'a message could not be parsed and is stored as it is');
      return await this.#task(spool, false);
    } finally {
      clearTimeout(timer);
    }
  }

  #task(spool: MessageSpool, parse: boolean, signal?: AbortSignal): Promise<Uint8Array> {
    const source = spool.octets();
    const task: PrepareTask = { source, parse };
    const given = 'octets' in source ? moved(task, source.octets.buffer) : task;
    return this.#pool.run(given, signal && { signal });
  }

  async #enter(bytes: number): Promise<void> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>(go => this.#waiting.push({ bytes, go }));
    } else this.#bytes += bytes;
  }

  #leave(bytes: number): void {
    this.#bytes -= bytes;
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.go();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= MAX_PREPARING_BYTES;
  }
}

/** The task with its octets, which go to the thread without being copied. */
function moved(task: PrepareTask, octets: ArrayBufferLike): Moved {
  return move({ [transferableSymbol]: octets, [valueSymbol]: task });
}
