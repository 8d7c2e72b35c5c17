import { fromFailure, toFailure } from '../errors.ts';
import { MAX_MESSAGE_BYTES, SPOOL_MEMORY_BYTES, SPOOLED_IN_MEMORY_BYTES } from '../limits.ts';
import { type Spool, StoreError } from '../types.ts';
import { SpoolFile } from './spool-file.ts';

/** Where a message's octets are: in memory, or in an encrypted file with its key. */
export type SpooledOctets = { readonly octets: Uint8Array } | { readonly path: string; readonly key: Uint8Array };

/** What a chunk takes beyond its octets, about. */
const CHUNK_BYTES = 200;

/** What all spools together may hold in memory. */
export class SpoolMemory {
  #free = SPOOL_MEMORY_BYTES;

  /** False when there is no room left. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}

/**
 * A message's octets on their way in. A small one stays in memory, for a file that is made, written, read and removed
 * costs more than all the rest; a crash loses neither's acknowledgement, since nothing spooled has been acknowledged.
 */
export class MessageSpool implements Spool {
  readonly #directory: string;
  readonly #memory: SpoolMemory;
  #chunks: Uint8Array[] = [];
  /** Octets of the chunks. */
  #held = 0;
  /** The same with what each chunk costs besides: a client may send octet by octet. */
  #cost = 0;
  #file: SpoolFile | null = null;
  #size = 0;
  #failure: Error | null = null;
  #ended = false;
  #writes: Promise<unknown> = Promise.resolve();

  /** @param directory of the account */
  constructor(directory: string, memory: SpoolMemory) {
    this.#directory = directory;
    this.#memory = memory;
  }

  get size(): number {
    return this.#size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#ended) throw new StoreError('CANNOT', 'Il messaggio è già stato consegnato');
    if (this.#size + chunk.length > MAX_MESSAGE_BYTES) {
      this.#failure = new StoreError('TOOBIG', 'Il messaggio supera la dimensione massima');
    }
    if (this.#failure) throw this.#failure;
    this.#size += chunk.length;
    const written = this.#writes.then(() => this.#take(chunk));
    // The failure is told to whoever waits for this write, and again when the message is filed.
    this.#writes = written.catch(() => {});
    await written;
  }

  /** No more writes; throws what went wrong with one of them, the octets then being gone. */
  async end(): Promise<void> {
    if (this.#ended) throw new StoreError('CANNOT', 'Il messaggio è già stato consegnato');
    this.#ended = true;
    await this.#writes;
    await this.#file?.close();
    if (!this.#failure) return;
    await this.#forget();
    throw this.#failure;
  }

  async discard(): Promise<void> {
    if (!this.#ended) await this.end().catch(() => {});
    await this.#forget();
  }

  /** After `end`; what is in memory comes as a buffer of its own each time, to be given away. */
  octets(): SpooledOctets {
    if (this.#file) return { path: this.#file.path, key: this.#file.key };
    const octets = Buffer.allocUnsafeSlow(this.#held);
    let at = 0;
    for (const chunk of this.#chunks) {
      octets.set(chunk, at);
      at += chunk.length;
    }
    return { octets };
  }

  async #take(chunk: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    try {
      if (this.#file === null) {
        const cost = chunk.length + CHUNK_BYTES;
        if (this.#cost + cost <= SPOOLED_IN_MEMORY_BYTES && this.#memory.take(cost)) {
          // The writer may use its buffer again.
          this.#chunks.push(Buffer.from(chunk));
          this.#held += chunk.length;
          this.#cost += cost;
          return;
        }
        this.#file = await SpoolFile.create(this.#directory);
        for (const held of this.#chunks) await this.#file.write(held);
        this.#release();
      }
      await this.#file.write(chunk);
    } catch (error) {
      this.#failure = fromFailure(toFailure(error));
      throw this.#failure;
    }
  }

  async #forget(): Promise<void> {
    this.#release();
    await this.#file?.remove();
  }

  #release(): void {
    this.#memory.give(this.#cost);
    this.#chunks = [];
    this.#held = 0;
    this.#cost = 0;
  }
}
