/** metadati.zip: the metadata of all messages of a package in one file of the archive. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { EvidenceError } from '../errors.ts';
import { zipDate } from '../zip-date.ts';

interface Entry {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** No metadata of a message is larger. */
const MAX_ENTRY = 16_000_000;

/** The same entries give the same bytes. */
export async function packMetadata(entries: readonly Entry[], at: number): Promise<Uint8Array> {
  const zip = new ZipFile();
  const options = { mtime: zipDate(at), mode: 0o100644, compressionLevel: 1, forceDosTimestamp: true };
  for (const { path, bytes } of entries) zip.addBuffer(asBuffer(bytes), path, options);
  zip.end();
  return new Uint8Array(await buffer(zip.outputStream));
}

/** The entries of those names; the others are passed over. Throws an EvidenceError when one is not there. */
export async function readMetadata(file: string, paths: readonly string[]): Promise<Map<string, Buffer>> {
  // At once: from a file, yauzl reads the table of contents in two small steps an entry, and there are thousands.
  const zip = await fromBufferPromise(await readFile(file), { lazyEntries: true });
  const wanted = new Set(paths);
  const found = new Map<string, Buffer>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (!wanted.has(entry.fileName)) continue;
      if (entry.uncompressedSize > MAX_ENTRY) throw new EvidenceError(`${entry.fileName}: too large`);
      found.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
      if (found.size === wanted.size) break;
    }
  } finally {
    zip.close();
  }
  for (const path of wanted) if (!found.has(path)) throw new EvidenceError(`${path} is missing in the metadata`);
  return found;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
