/** ZIP files, also as the container of office documents. */
import { type Entry, fromBufferPromise, getFileNameLowLevel, type ZipFile } from 'yauzl';
import { type Reading, UnreadableError } from './reading.ts';

export interface ZipMember {
  /** Path inside the archive, `/` between its parts. */
  readonly name: string;
  /** Why its octets cannot be had; null when they can. */
  readonly unreadable: string | null;
  /** Octets that it says it has. */
  readonly size: number;
  readonly entry: Entry;
}

/** Methods of compression that are understood: stored, deflate. */
const METHODS: ReadonlySet<number> = new Set([0, 8]);

/** An archive held in memory. What it inflates is taken from the message's budget. */
export class Zip {
  readonly members: readonly ZipMember[];
  readonly #file: ZipFile;
  readonly #reading: Reading;

  private constructor(file: ZipFile, members: readonly ZipMember[], reading: Reading) {
    this.#file = file;
    this.members = members;
    this.#reading = reading;
  }

  /** Reads the central directory. Throws when there is none. */
  static async open(bytes: Uint8Array, reading: Reading): Promise<Zip> {
    const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const file = await fromBufferPromise(octets, { decodeStrings: false, validateEntrySizes: true });
    // Without a listener, a fault that is found between two reads would end the process.
    file.on('error', () => {});
    const members: ZipMember[] = [];
    const { entries } = reading.budget.limits;
    try {
      for await (const entry of file.eachEntry()) {
        if (members.length >= entries) {
          reading.fail(`more than ${entries} members`);
          break;
        }
        members.push(describe(entry));
      }
    } catch (error) {
      // A directory that breaks off still names what stands before.
      if (members.length === 0) throw error;
      reading.fail(`the list of members is damaged: ${error instanceof Error ? error.message : ''}`);
    }
    return new Zip(file, members, reading);
  }

  find(name: string): ZipMember | undefined {
    return this.members.find(member => member.name === name);
  }

  /** A member's octets. Throws when they are damaged, or more than `limit`; `cut`: gives the first `limit` instead. */
  async read(member: ZipMember, limit: number, cut = false): Promise<Buffer> {
    if (member.unreadable !== null) throw new UnreadableError(member.unreadable);
    if (!cut && member.size > limit) throw new UnreadableError(`larger than ${limit} octets`);
    const { budget } = this.#reading;
    const chunks: Buffer[] = [];
    let left = limit;
    const source = await this.#file.openReadStreamPromise(member.entry);
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        budget.inflate(chunk.length);
        if (budget.inflatable < 0) {
          throw new UnreadableError(`more than ${budget.limits.inflated} octets inflated from one message`);
        }
        chunks.push(chunk.subarray(0, left));
        left -= chunk.length;
        // What is not cut cannot come here: yauzl holds the octets against the size that the member says.
        if (left <= 0) break;
      }
    } finally {
      source.destroy();
    }
    return Buffer.concat(chunks);
  }
}

function describe(entry: Entry): ZipMember {
  const raw = Buffer.isBuffer(entry.fileName) ? entry.fileName : entry.fileNameRaw;
  const name = getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, false);
  return {
    name: name.replaceAll('\\', '/').replace(/[\x00-\x1f\x7f]/g, ''),
    size: entry.uncompressedSize,
    entry,
    unreadable: entry.isEncrypted()
      ? 'encrypted'
      : METHODS.has(entry.compressionMethod)
        ? null
        : `compression method ${entry.compressionMethod} is not known`,
  };
}

/** What operating systems put in beside the files. */
const LITTER = /(?:^|\/)(?:__MACOSX\/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/i;

/** Every member of an archive: its name, and what it holds. */
export async function readZip(zip: Zip, reading: Reading): Promise<void> {
  const members = zip.members.filter(member => !LITTER.test(member.name));
  reading.add(members.map(member => member.name).join('\n'));
  for (const member of members) {
    if (member.name.endsWith('/')) continue;
    if (reading.full) return;
    await reading.inside(member.name, async inner => {
      const bytes = await zip.read(member, reading.budget.limits.document);
      await inner.here(bytes, { name: member.name.slice(member.name.lastIndexOf('/') + 1), type: '' });
    });
  }
}
