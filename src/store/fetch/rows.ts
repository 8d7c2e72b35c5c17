import { entriesOf, updateFlags } from '../catalog/entries.ts';
import { Keywords, SEEN } from '../catalog/flags.ts';
import { messageHandle } from '../catalog/messages.ts';
import { resolve } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import type { FetchRequest, SectionContent, View } from '../types.ts';
import { departedEntries } from './departed.ts';
import { type KeptColumns, type PackedRows, packRows } from './packed.ts';
import { SectionReader } from './sections.ts';

/** Columns that are kept beside the entry, and where. */
const KEPT = {
  envelope: 's.envelope',
  body: 's.body',
  bodyStructure: 's.bodystructure',
  preview: 's.preview',
  messageId: 'm.message_id',
  threadId: 'm.thread',
} as const;

/** FETCH: rows by UID; octets of the message only where a section asks for them. */
export async function fetch(
  context: AccountContext,
  view: View,
  uids: readonly number[],
  request: FetchRequest,
): Promise<PackedRows> {
  const decoding = request.sections.some(section => section.binary);
  const sections = new SectionReader(context, request.room);
  const resolved = resolve(context, view);
  const keywords = new Keywords(context, resolved.tree);
  const present = entriesOf(context, resolved, uids);
  const there = new Set(present.map(entry => entry.uid));
  const departed =
    view.tree === 'intake' && present.length < uids.length
      ? departedEntries(
          context,
          uids.filter(uid => !there.has(uid)),
        )
      : [];
  const entries = [...present, ...departed].filter(
    entry => request.changedSince === undefined || entry.modseq > request.changedSince,
  );
  // Octets first: a message that cannot be read is not marked as seen.
  const contents: SectionContent[][] = [];
  sections.prepare(
    entries.map(entry => entry.message),
    request.sections,
  );
  for (const entry of entries) {
    contents.push(
      decoding
        ? await sections.readDecoding(entry.message, entry.size, request.sections)
        : sections.read(entry.message, entry.size, request.sections),
    );
  }
  const seen = request.markSeen
    ? markSeen(
        context,
        view,
        entries.filter(entry => (entry.flags & SEEN) === 0 && there.has(entry.uid)),
      )
    : null;
  const kept = keptColumns(context, entries, request);
  const rows = entries.map((entry, index) => {
    const seenNow = seen?.get(entry.uid);
    return {
      uid: entry.uid,
      modseq: seenNow ?? entry.modseq,
      flags: keywords.flags(seenNow === undefined ? entry.flags : entry.flags | SEEN, entry.keywords),
      seenNow: seenNow !== undefined,
      internalDate: entry.internal_date,
      size: entry.size,
      saveDate: entry.save_date,
      message: messageHandle(entry.message),
      sections: contents[index] ?? [],
    };
  });
  return packRows(rows, kept.size === 0 ? [] : entries.map(entry => kept.get(entry.message) ?? {}));
}

/** MODSEQ of each message that was not \Seen before. */
function markSeen(
  context: AccountContext,
  view: View,
  entries: readonly { readonly uid: number; readonly flags: number; readonly keywords: string }[],
): Map<number, number> {
  if (entries.length === 0) return new Map();
  return context.write(change => {
    const { tree } = resolve(context, view);
    return new Map(
      entries.map(({ uid, flags, keywords }) => [
        uid,
        updateFlags(context, change, tree, { uid, bits: flags | SEEN, keywords }),
      ]),
    );
  });
}

/** What was asked for of what is kept beside the entries, by message. */
function keptColumns(
  context: AccountContext,
  entries: readonly { readonly message: number }[],
  request: FetchRequest,
): Map<number, KeptColumns> {
  const asked = Object.entries(KEPT).filter(([name]) => request.columns.some(column => column === name));
  if (asked.length === 0) return new Map();
  const columns = asked.map(([name, column]) => `${column} AS ${name}`).join(', ');
  const join = asked.some(([, column]) => column.startsWith('m.')) ? 'JOIN message m ON m.id = s.message' : '';
  return new Map(
    context
      .sql<KeptColumns & { readonly id: number }>(
        `SELECT s.message AS id, ${columns} FROM structure s ${join}
         WHERE s.message IN (SELECT value FROM json_each(?))`,
      )
      .all(JSON.stringify(entries.map(entry => entry.message)))
      .map(({ id, ...kept }) => [id, kept]),
  );
}
