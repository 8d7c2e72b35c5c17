/** ZIP files of messages, read member by member: never more of one in memory than a piece. */
import { openPromise } from 'yauzl';
import type { Incoming } from './types.ts';

/** Members of one file; more are somebody's joke. */
const MAX_MEMBERS = 2_000_000;
/** Mail, even all base64 of zeros, is far from it; deflate can make a thousand, and members may share their octets. */
const MAX_RATIO = 200;
/** So much is inflated whatever the ratio. */
const SMALL = 20_000_000;

/** Throws when the file, of the given size, would become more octets than any mail does. */
export async function* readZip(path: string, size: number, read: (octets: number) => void): AsyncGenerator<Incoming> {
  let inflatable = SMALL + MAX_RATIO * size;
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
  let members = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      if (++members > MAX_MEMBERS) throw new Error(`${path} has more than ${MAX_MEMBERS} members`);
      const name = entry.fileName;
      if (!/\.eml$/i.test(name)) continue;
      const content = async function* (): AsyncGenerator<Buffer> {
        const stream = await zip.openReadStreamPromise(entry);
        try {
          // yauzl holds what comes against the size that the member says.
          for await (const chunk of stream as AsyncIterable<Buffer>) {
            inflatable -= chunk.length;
            if (inflatable < 0) break;
            yield chunk;
          }
        } finally {
          stream.destroy();
        }
      };
      yield { place: `${path}: ${name}`, flags: [], date: entry.getLastModDate().getTime(), content: content() };
      if (inflatable < 0) throw new Error(`${path} inflates to more than ${MAX_RATIO} times its size`);
      read(entry.compressedSize);
    }
  } finally {
    zip.close();
  }
}
