import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sealSpool, spoolKey } from '../crypto/spool-cipher.ts';

/** Octets on their way in that lie in a file of the account, encrypted. */
export class SpoolFile {
  readonly path: string;
  readonly key = spoolKey();
  readonly #cipher = sealSpool(this.key);
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  static async create(directory: string): Promise<SpoolFile> {
    const path = join(directory, 'spool', randomUUID());
    return new SpoolFile(path, await open(path, 'wx', 0o600));
  }

  async write(chunk: Uint8Array): Promise<void> {
    const sealed = this.#cipher.update(chunk);
    for (let done = 0; done < sealed.length; ) {
      const { bytesWritten } = await this.#handle.write(sealed, done, sealed.length - done);
      done += bytesWritten;
    }
  }

  /** No more writes. */
  close(): Promise<void> {
    return this.#handle.close();
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
