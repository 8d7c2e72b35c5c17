import { createHash } from 'node:crypto';
import { describeMessage, extractSearchText, NO_SORT_KEYS, previewText, sortKeys } from '../../mime/index.ts';
import type { MessageStructure, MimeNode, SearchText, SortKeys } from '../../mime/types.ts';
import { classifyMessage } from '../../pec/classify.ts';
import { verifySignature } from '../../pec/signature/index.ts';
import type { PecFacts, SignatureSummary } from '../../pec/types.ts';
import { packText } from '../database/packed-text.ts';
import { MAX_KEPT_HEADER_BYTES } from '../limits.ts';
import { foldColumns } from '../search/fold.ts';
import { sha256 } from '../segment/format.ts';
import { compactFacts, compactTree } from '../structure/facts.ts';
import { type KeptHeader, keepHeader } from '../structure/kept-header.ts';
import { packListing } from '../structure/listing.ts';
import { documentWords } from '../words/document.ts';
import { packRuns } from './pack-runs.ts';
import type { Prepared, Summary } from './prepared.ts';
import { sentDay } from './sent-day.ts';
import { split } from './split.ts';
import { unparsedFacts, unparsedStructure, unparsedText } from './unparsed.ts';

/**
 * Everything about a message that can be computed from its octets alone. Never fails: what a parser cannot read is
 * kept as an opaque `Ordinaria`. `anchors` are the authorities (DER) that gestori's certificates are checked against. With `parse` false no parser is run at all (the last resort after one that hung).
 */
export function prepare(raw: Uint8Array, parse: boolean, anchors: readonly Uint8Array[] = []): Prepared {
  const unreadable: { section: string; reason: string }[] = [];
  const attempt = <T>(section: string, run: () => T, fallback: () => T): T => {
    if (!parse) return fallback();
    try {
      return run();
    } catch (error) {
      unreadable.push({ section, reason: error instanceof Error ? error.message : String(error) });
      return fallback();
    }
  };
  if (!parse) unreadable.push({ section: '', reason: 'the parser was stopped' });
  const structure = attempt<MessageStructure>(
    'structure',
    () => describeMessage(raw),
    () => unparsedStructure(raw),
  );
  const pec = attempt<PecFacts>('pec', () => classifyMessage(raw, structure.root), unparsedFacts);
  const signature = pec.family === 'ordinaria' ? null : checkSignature(raw, structure.root, anchors);
  const text = attempt<SearchText>(
    'text',
    () => extractSearchText(raw, structure),
    () => unparsedText(raw),
  );
  const keys = attempt<SortKeys>(
    'sorting',
    () => sortKeys(raw, structure.root),
    () => NO_SORT_KEYS,
  );
  const preview = attempt(
    'preview',
    () => previewText(raw, structure.root, pec.kind === 'busta-trasporto'),
    () => '',
  );
  const folded = foldColumns(text);
  const { subject, from, to, cc, sentAt, messageId } = structure;
  const summary: Summary = { subject, from, to, cc, sentAt, messageId };
  const digest = sha256(raw);
  const { pieces, runs } = packRuns(split(raw, parse ? structure.root : null));
  return {
    sha256: digest,
    size: raw.length,
    pieces,
    runs,
    listing: packListing({ ...structure, preview }),
    tree: compactTree(structure.root),
    facts: compactFacts({ summary, pec }),
    summary,
    pec,
    signature,
    sentDay: sentDay(text.header),
    thread: thread(structure, pec, digest),
    sortKeys: keys,
    header: keptHeader(raw, structure.root),
    packedText: packText(folded),
    words: documentWords(folded),
    unreadable: [...unreadable, ...text.unreadable],
  };
}

function checkSignature(raw: Uint8Array, root: MimeNode, anchors: readonly Uint8Array[]): SignatureSummary {
  const { certificates: _, ...summary } = verifySignature(raw, root, { anchors });
  return summary;
}

function keptHeader(raw: Uint8Array, root: MimeNode): KeptHeader | null {
  const length = root.bodyStart - root.headerStart;
  return length > MAX_KEPT_HEADER_BYTES ? null : keepHeader(raw.subarray(root.headerStart, root.bodyStart));
}

/** The conversation's first Message-ID where one is named, else the message's own. */
function thread(structure: MessageStructure, pec: PecFacts, digest: Uint8Array): string {
  const root =
    pec.referenceMessageId ??
    pec.daticert?.msgid ??
    structure.references[0] ??
    structure.inReplyTo ??
    structure.messageId ??
    Buffer.from(digest).toString('hex');
  return `T${createHash('sha256').update(root.trim()).digest('hex').slice(0, 24)}`;
}
