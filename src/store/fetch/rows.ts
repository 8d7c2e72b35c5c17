import { entriesOf, updateFlags } from '../catalog/entries.ts';
import { Keywords, SEEN } from '../catalog/flags.ts';
import { messageHandle } from '../catalog/messages.ts';
import { selectionOf } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import type { FetchRequest, SectionContent, View } from '../types.ts';
import { departedEntries } from './departed.ts';
import { keptColumns } from './kept.ts';
import { type PackedRows, packRows } from './packed.ts';
import { SectionReader } from './sections.ts';

/** FETCH: rows by UID; octets of the message only where a section asks for them. */
export async function fetch(
  context: AccountContext,
  view: View,
  uids: readonly number[],
  request: FetchRequest,
): Promise<PackedRows> {
  const decoding = request.sections.some(section => section.binary);
  const sections = new SectionReader(context, request.room);
  const selection = selectionOf(context, view);
  const keywords = new Keywords(context, selection.tree);
  const present = entriesOf(context, selection, uids);
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
  try {
    sections.prepare(entries, request.sections);
    for (const entry of entries) {
      contents.push(
        decoding
          ? await sections.readDecoding(entry.message, entry.size, request.sections)
          : sections.read(entry.message, entry.size, request.sections),
      );
    }
  } finally {
    sections.close();
  }
  const seen = request.markSeen
    ? markSeen(
        context,
        view,
        entries.filter(entry => (entry.flags & SEEN) === 0 && there.has(entry.uid)),
      )
    : null;
  const kept = keptColumns(
    context,
    entries.map(entry => entry.message),
    request.columns,
  );
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
  return packRows(rows, kept);
}

/** MODSEQ of each message that was not \Seen before. */
function markSeen(
  context: AccountContext,
  view: View,
  entries: readonly { readonly uid: number; readonly flags: number; readonly keywords: string }[],
): Map<number, number> {
  if (entries.length === 0) return new Map();
  return context.write(change => {
    const { tree } = selectionOf(context, view);
    return new Map(
      entries.map(({ uid, flags, keywords }) => [
        uid,
        updateFlags(context, change, tree, { uid, bits: flags | SEEN, keywords }),
      ]),
    );
  });
}
