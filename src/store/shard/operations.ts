/** What a store thread does for one account: the table behind the remote calls. Arguments and results are plain data. */
import { countPending, indexText, pendingTexts, textFailed } from '../attachments/pending.ts';
import { unreadable } from '../attachments/unreadable.ts';
import { keptCopy } from '../catalog/kept-copy.ts';
import { listViews, setSubscribed } from '../catalog/listing.ts';
import { createMailbox, deleteMailbox, renameMailbox } from '../catalog/mailboxes.ts';
import { changes, open, status } from '../catalog/selecting.ts';
import { serviceTerm, setServiceTerm } from '../catalog/service.ts';
import { cursors, setCursor, setSetting, setting } from '../catalog/settings.ts';
import { storeFlags } from '../catalog/store-flags.ts';
import { copy, expunge, move, remove } from '../catalog/transfer.ts';
import { knownUpstreamUids, knowUpstream, retainUpstream, upstreamMessages } from '../catalog/upstream.ts';
import { exchange } from '../exchange/exchange.ts';
import { reviewWatched } from '../exchange/watch.ts';
import { fetch } from '../fetch/rows.ts';
import { readDecoded, readMessage } from '../fetch/sections.ts';
import { fileHeld } from '../ingest/held.ts';
import { appendJournal, journalHead, readJournal } from '../journal/journal.ts';
import { conserveNext, packages, sealPackage } from '../queue/conserved.ts';
import { distributionDone, distributionRequests } from '../queue/distribution.ts';
import { figures } from '../queue/figures.ts';
import { findBySha256, record } from '../queue/record.ts';
import { queue, queued, queueFailed } from '../queue/waiting.ts';
import { search } from '../search/search.ts';
import { sort } from '../search/sort.ts';
import { searchUpstream } from '../search/upstream.ts';
import { purgeOrphans } from '../space/purge.ts';
import { moveNext, stripSegment, wastefulSegments } from '../space/segments.ts';
import { markPieces, sweepPieces } from '../space/sweep.ts';
import { thread } from '../thread/thread.ts';
import { mergeIndex } from '../words/merging.ts';

export const OPERATIONS = {
  listViews,
  setSubscribed,
  createMailbox,
  deleteMailbox,
  renameMailbox,
  status,
  open,
  changes,
  fetch,
  read: readMessage,
  readDecoded,
  fileHeld,
  storeFlags,
  expunge,
  copy,
  move,
  remove,
  search,
  mergeIndex,
  sort,
  thread,
  pendingTexts,
  countPending,
  indexText,
  textFailed,
  unreadable,
  cursors,
  setCursor,
  knowUpstream,
  knownUpstreamUids,
  upstreamMessages,
  searchUpstream,
  retainUpstream,
  keptCopy,
  record,
  exchange,
  reviewWatched,
  findBySha256,
  queue,
  queued,
  queueFailed,
  sealPackage,
  conserveNext,
  packages,
  figures,
  distributionRequests,
  distributionDone,
  journalHead,
  readJournal,
  appendJournal,
  setting,
  setSetting,
  purgeOrphans,
  markPieces,
  sweepPieces,
  wastefulSegments,
  moveNext,
  stripSegment,
  serviceTerm,
  setServiceTerm,
};

type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
/** Arguments after the context. */
export type Arguments<Name extends OperationName> =
  Parameters<Operations[Name]> extends [unknown, ...infer Rest] ? Rest : never;
export type Result<Name extends OperationName> = Awaited<ReturnType<Operations[Name]>>;
