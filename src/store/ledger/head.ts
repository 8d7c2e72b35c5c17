import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const WIDTH = 16;

/**
 * The number of the last transaction that was committed, beside the database. It is written after each commit without a
 * flush: a crash may leave an older number, never a newer one. A database that knows less is an old copy.
 */
export class LedgerHead {
  readonly #path: string;
  #file: number | null = null;

  constructor(directory: string) {
    this.#path = join(directory, 'ledger.head');
  }

  /** null when there is none, or none that can be read. */
  read(): number | null {
    try {
      const text = readFileSync(this.#path, 'latin1');
      return /^\d{16}\n$/.test(text) ? Number(text) : null;
    } catch {
      return null;
    }
  }

  write(seq: number): void {
    try {
      this.#file ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
      writeSync(this.#file, `${String(seq).padStart(WIDTH, '0')}\n`, 0, 'latin1');
    } catch {
      // The commit counts without it.
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
