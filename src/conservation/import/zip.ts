/** Reading a ZIP from outside: names, sizes and ratios are looked at before anything is taken out of it. */
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { ImportError } from './error.ts';

/** Three files for each message, and some; more is no package. */
const MAX_ENTRIES = 1_000_000;
/** What is taken out together may be this many times the file: mail and its proofs are not that empty. */
const MAX_RATIO = 100;
const SPARE = 10_000_000;

/** The entries of a ZIP by name. */
export class ForeignZip {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#zip = zip;
    this.#entries = entries;
  }

  /** Rejects with an ImportError when it is no ZIP, or a hostile one. */
  static async open(path: string): Promise<ForeignZip> {
    // yauzl refuses absolute names, backslashes and `..` by itself, and octets beyond an entry's size.
    const zip = await openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true }).catch(refuse);
    try {
      if (zip.entryCount > MAX_ENTRIES) throw new ImportError(`${zip.entryCount} entries are too many`);
      const entries = new Map<string, Entry>();
      let size = 0;
      for await (const entry of zip.eachEntry()) {
        const name = entry.fileName;
        if (entries.has(name)) throw new ImportError(`${name} is in the ZIP twice`);
        if (entry.isEncrypted()) throw new ImportError(`${name} is encrypted`);
        size += entry.uncompressedSize;
        if (size > zip.fileSize * MAX_RATIO + SPARE) throw new ImportError('the ZIP would become far too large');
        entries.set(name, entry);
      }
      return new ForeignZip(zip, entries);
    } catch (error) {
      zip.close();
      return refuse(error);
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  names(): Iterable<string> {
    return this.#entries.keys();
  }

  sizeOf(name: string): number {
    return this.#entry(name).uncompressedSize;
  }

  /** A small file, whole. */
  async read(name: string, limit: number): Promise<Buffer> {
    const entry = this.#entry(name);
    if (entry.uncompressedSize > limit) throw new ImportError(`${name} is larger than ${limit} octets`);
    return buffer(await this.stream(name)).catch(refuse);
  }

  async stream(name: string): Promise<Readable> {
    return this.#zip.openReadStreamPromise(this.#entry(name)).catch(refuse);
  }

  close(): void {
    this.#zip.close();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new ImportError(`${name} is missing in the ZIP`);
    return entry;
  }
}

function refuse(error: unknown): never {
  if (error instanceof ImportError || (error instanceof Error && 'code' in error)) throw error;
  throw new ImportError(error instanceof Error ? error.message : String(error));
}
