/** What listings show of a message: ENVELOPE, BODYSTRUCTURE and the preview, each on a line of its own. */
import { compact, expand, QUICK } from './compact.ts';
import { LISTING_DICTIONARY } from './dictionaries.ts';

export interface Listing {
  /** 7-bit, on one line. */
  readonly envelope: string;
  readonly bodyStructure: string;
  /** On one line. */
  readonly preview: string;
}

/** Of many messages, as it lies in one buffer: strings are made where they are needed. */
export interface Listings {
  readonly octets: Uint8Array;
  /** Four numbers a message: where its listing begins, and where each of its lines ends. */
  readonly ends: Int32Array;
}

const LINES = ['envelope', 'bodyStructure', 'preview'] as const;
const LF = 0x0a;

export function packListing(listing: Listing): Uint8Array {
  const lines = LINES.map(line => `${listing[line].replaceAll('\n', ' ')}\n`);
  return compact(lines.join(''), LISTING_DICTIONARY, QUICK);
}

/**
 * So many listings, in their order. Throws where one is damaged.
 * @param packed one after the other
 */
export function expandListings(packed: Uint8Array, count: number): Listings {
  const octets = count === 0 ? Buffer.alloc(0) : expand(packed, count, LISTING_DICTIONARY);
  const ends = new Int32Array(4 * count);
  let at = 0;
  for (let index = 0; index < ends.length; index += 4) {
    ends[index] = at;
    for (let line = 1; line < 4; line++) {
      const end = octets.indexOf(LF, at);
      if (end === -1) throw new Error('a listing has too few lines');
      ends[index + line] = end;
      at = end + 1;
    }
  }
  return { octets, ends };
}

/** What is wanted of the listing at `index`. */
export function listingAt(
  { octets, ends }: Listings,
  index: number,
  wanted: readonly (keyof Listing)[],
): Partial<Listing> {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const listing: { -readonly [Line in keyof Listing]?: string } = {};
  for (const line of wanted) {
    const number = LINES.indexOf(line);
    const start = (ends[4 * index + number] ?? 0) + (number === 0 ? 0 : 1);
    listing[line] = buffer.toString(line === 'preview' ? 'utf8' : 'latin1', start, ends[4 * index + number + 1]);
  }
  return listing;
}
