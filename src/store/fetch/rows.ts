import { entriesOf, updateFlags } from '../catalog/entries.ts';
import { Keywords, SEEN } from '../catalog/flags.ts';
import { messageHandle } from '../catalog/messages.ts';
import { resolve } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import type { FetchedMessage, FetchRequest, SectionContent, View } from '../types.ts';
import { SectionReader } from './sections.ts';

interface Stored {
  readonly envelope: string;
  readonly body: string;
  readonly bodystructure: string;
  readonly preview: string;
  readonly message_id: string | null;
  readonly thread: string;
}

/** FETCH: rows by UID; octets of the message only where a section asks for them. */
export async function fetch(
  context: AccountContext,
  view: View,
  uids: readonly number[],
  request: FetchRequest,
): Promise<FetchedMessage[]> {
  const columns = new Set(request.columns);
  const described = (['envelope', 'body', 'bodyStructure', 'preview', 'messageId', 'threadId'] as const).some(name =>
    columns.has(name),
  );
  const decoding = request.sections.some(section => section.binary);
  const sections = new SectionReader(context);
  const resolved = resolve(context, view);
  const keywords = new Keywords(context, resolved.tree);
  const entries = entriesOf(context, resolved, uids).filter(
    entry => request.changedSince === undefined || entry.modseq > request.changedSince,
  );
  // Octets first: a message that cannot be read is not marked as seen.
  const contents: SectionContent[][] = [];
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
        entries.filter(entry => (entry.flags & SEEN) === 0),
      )
    : null;
  return entries.map((entry, index) => {
    const stored = described ? storedOf(context, entry.message) : null;
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
      ...(stored && columns.has('envelope') && { envelope: stored.envelope }),
      ...(stored && columns.has('body') && { body: stored.body }),
      ...(stored && columns.has('bodyStructure') && { bodyStructure: stored.bodystructure }),
      ...(stored && columns.has('preview') && { preview: stored.preview }),
      ...(stored && columns.has('messageId') && { messageId: stored.message_id }),
      ...(stored && columns.has('threadId') && { threadId: stored.thread }),
      sections: contents[index] ?? [],
    };
  });
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

function storedOf(context: AccountContext, message: number): Stored | null {
  return (
    context
      .sql<Stored>(
        `SELECT s.envelope, s.body, s.bodystructure, s.preview, m.message_id, m.thread
         FROM structure s JOIN message m ON m.id = s.message WHERE s.message = ?`,
      )
      .get(message) ?? null
  );
}
