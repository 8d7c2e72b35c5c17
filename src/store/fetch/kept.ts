/** What is kept beside the entries, and shown without touching the message's octets. */
import { bodyOf } from '../../mime/index.ts';
import type { AccountContext } from '../database/context.ts';
import { framesOf } from '../structure/compact.ts';
import { expandListings, type Listing, type Listings, listingAt } from '../structure/listing.ts';
import type { FetchColumn, FetchedMessage } from '../types.ts';

/** Columns that are no line of a listing. */
type Derived = Pick<FetchedMessage, 'body' | 'messageId' | 'threadId'>;

/** What was asked for, of each message. */
export interface KeptColumns {
  /** Empty where none was. */
  readonly derived: readonly Derived[];
  /** Lines of the listings that were. */
  readonly lines: readonly (keyof Listing)[];
  readonly listings: Listings | null;
}

const LINES = ['envelope', 'bodyStructure', 'preview'] as const;
const BODY_STRUCTURE = ['bodyStructure'] as const;

export function keptColumns(
  context: AccountContext,
  messages: readonly number[],
  columns: readonly FetchColumn[],
): KeptColumns {
  const lines = LINES.filter(line => columns.includes(line));
  const body = columns.includes('body');
  const json = JSON.stringify(messages);
  const listings = lines.length > 0 || body ? readListings(context, messages, json) : null;
  const identities =
    columns.includes('messageId') || columns.includes('threadId') ? readIdentities(context, json) : null;
  const derived =
    identities === null && !body
      ? []
      : messages.map((message, index): Derived => {
          const structure = body && listings ? listingAt(listings, index, BODY_STRUCTURE).bodyStructure : undefined;
          return { ...identities?.get(message), ...(structure && { body: bodyOf(structure) }) };
        });
  return { derived, lines, listings: lines.length > 0 ? listings : null };
}

/** Those of the messages, in their order; empty lines stand for what is not there. */
function readListings(context: AccountContext, messages: readonly number[], json: string): Listings {
  const row = context
    .sql<{ ids: string; packed: Uint8Array | null }>(
      `SELECT json_group_array(message) AS ids, ${framesOf('listing')} AS packed FROM structure
       WHERE message IN (SELECT value FROM json_each(?))`,
    )
    .get(json);
  const ids: number[] = JSON.parse(row?.ids ?? '[]');
  const { octets, ends } = expandListings(row?.packed ?? new Uint8Array(), ids.length);
  const places = new Map(ids.map((id, index) => [id, 4 * index]));
  const ordered = new Int32Array(4 * messages.length);
  for (const [index, message] of messages.entries()) {
    const place = places.get(message);
    if (place !== undefined) ordered.set(ends.subarray(place, place + 4), 4 * index);
  }
  // It changes threads, and must take nobody else's octets along.
  const own = octets.length === octets.buffer.byteLength ? octets : new Uint8Array(octets);
  return { octets: own, ends: ordered };
}

type Identity = Required<Pick<FetchedMessage, 'messageId' | 'threadId'>>;

function readIdentities(context: AccountContext, json: string): Map<number, Identity> {
  const rows = context
    .sql<{ id: number; messageId: string | null; threadId: string }>(
      `SELECT m.id, s.message_id AS messageId, m.thread AS threadId
       FROM message m LEFT JOIN sorting s ON s.message = m.id
       WHERE m.id IN (SELECT value FROM json_each(?))`,
    )
    .all(json);
  return new Map(rows.map(({ id, ...identity }) => [id, identity]));
}
