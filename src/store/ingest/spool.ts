import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sealSpool, spoolKey } from '../crypto/spool-cipher.ts';
import { fromFailure, toFailure } from '../errors.ts';
import { MAX_MESSAGE_BYTES } from '../limits.ts';
import { type Spool, StoreError } from '../types.ts';

/** A message's octets on their way in, encrypted in a file of the account. */
export class SpoolFile implements Spool {
  readonly path: string;
  readonly key = spoolKey();
  readonly #cipher = sealSpool(this.key);
  readonly #handle: FileHandle;
  #size = 0;
  #failure: Error | null = null;
  #ended = false;
  #writes: Promise<unknown> = Promise.resolve();

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  static async create(directory: string): Promise<SpoolFile> {
    const path = join(directory, 'spool', randomUUID());
    return new SpoolFile(path, await open(path, 'wx', 0o600));
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
    const written = this.#writes.then(() => this.#writeAll(chunk));
    // The failure is told to whoever waits for this write, and again when the message is filed.
    this.#writes = written.catch(() => {});
    await written;
  }

  /** No more writes; throws what went wrong with one of them, the file then being gone. */
  async end(): Promise<void> {
    if (this.#ended) throw new StoreError('CANNOT', 'Il messaggio è già stato consegnato');
    this.#ended = true;
    await this.#writes;
    await this.#handle.close();
    if (!this.#failure) return;
    await rm(this.path, { force: true });
    throw this.#failure;
  }

  async discard(): Promise<void> {
    if (!this.#ended) await this.end().catch(() => {});
    await rm(this.path, { force: true });
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    try {
      const sealed = this.#cipher.update(chunk);
      for (let done = 0; done < sealed.length; ) {
        const { bytesWritten } = await this.#handle.write(sealed, done, sealed.length - done);
        done += bytesWritten;
      }
    } catch (error) {
      this.#failure = fromFailure(toFailure(error));
      throw this.#failure;
    }
  }
}
