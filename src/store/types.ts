/**
 * The store's asynchronous interface. Nothing of SQLite or of files shows in it: a second driver can stand behind it.
 *
 * A *tree* is a sequence of messages with one UIDVALIDITY, one UID sequence and one MODSEQ sequence. A *view* is a tree
 * narrowed by a predicate; it has no rows of its own, so a message has the same UID in every view of its tree.
 */

import type { MessageStructure } from '../mime/types.ts';
import type { ExchangeState } from '../pec/exchange.ts';
import type { Category, PecFacts, PecKind, SignatureSummary } from '../pec/types.ts';
import type { SearchCriteria, SortCriterion, ThreadAlgorithm } from './criteria.ts';
import type { ServiceTerm } from './service-term.ts';
import type { CompactOptions } from './space/compact.ts';

export type View =
  | {
      readonly tree: 'archive' | 'conservation';
      readonly year?: number;
      readonly month?: number;
      readonly category?: Category;
    }
  /** Rapporti di versamento, Pacchetti di distribuzione: leaves of the conservation tree. */
  | { readonly tree: 'conservation'; readonly special: 'reports' | 'distribution' }
  | { readonly tree: 'intake' }
  /** Below Archivio: what is to be watched. Leaves of a tree of their own, since messages come and go by the clock. */
  | { readonly tree: 'watch'; readonly special: Watched }
  /** A plain read-write mailbox of an account whose upstream is `local`. `/` divides levels; Unicode, NFC. */
  | { readonly tree: 'local'; readonly name: string };

/** In attesa di consegna, Non consegnati, Da conservare. */
export type Watched = 'pending' | 'undelivered' | 'expiring';
export const WATCHED: readonly Watched[] = ['pending', 'undelivered', 'expiring'];

/** A system flag or a keyword, spelled as first seen; compared case-insensitively. `\Recent` is never stored. */
export type Flag = string;

export interface ViewListing {
  readonly view: View;
  readonly selectable: boolean;
  readonly hasChildren: boolean;
  readonly subscribed: boolean;
  /** `\Sent`, `\Trash`, ... of a local mailbox. */
  readonly specialUse: string | null;
}

export interface ViewStatus {
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly recent: number;
  readonly uidNext: number;
  readonly uidValidity: number;
  readonly highestModseq: number;
  /** MAILBOXID (RFC 8474): survives renaming, is never another view's. */
  readonly mailboxId: string;
  /** Sum of RFC822.SIZE (RFC 8438). */
  readonly size: number;
}

export interface OpenedView extends ViewStatus {
  /** Ascending: index + 1 is the sequence number. */
  readonly uids: Uint32Array;
  /** UID of the first message without \Seen; null when there is none. */
  readonly firstUnseen: number | null;
  /** Keywords in use in the tree. */
  readonly keywords: readonly Flag[];
  readonly readOnly: boolean;
  /** Flags that a client may set for good; `\*` when it may invent keywords. */
  readonly permanentFlags: readonly Flag[];
}

export interface MessageFlags {
  readonly uid: number;
  readonly flags: readonly Flag[];
  readonly modseq: number;
}

/** A message after a change of its flags. */
export interface StoredFlags extends MessageFlags {
  /** Its MODSEQ before: who knew the message as of then knows it still. */
  readonly previousModseq: number;
}

/** What happened in a view after a MODSEQ, ready for EXPUNGE/VANISHED, EXISTS and FETCH FLAGS. */
export interface ViewChanges {
  readonly added: readonly MessageFlags[];
  readonly changed: readonly MessageFlags[];
  readonly vanished: readonly number[];
  readonly highestModseq: number;
}

/** Columns that FETCH reads without touching the message's bytes. */
export type FetchColumn =
  | 'flags'
  | 'internalDate'
  | 'size'
  | 'envelope'
  | 'body'
  | 'bodyStructure'
  | 'saveDate'
  | 'messageId'
  | 'preview'
  | 'threadId';

/** A section of a message as FETCH and BINARY name it (RFC 3501 section 6.4.5, RFC 3516). */
export interface SectionSpec {
  /** Part numbers, `[1, 3]` for `1.3`; empty for the whole message. */
  readonly part: readonly number[];
  /** `BODY[]`/`BODY[1]` have none. */
  readonly text?: 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';
  readonly fields?: readonly string[];
  /** Decode the Content-Transfer-Encoding (BINARY). */
  readonly binary?: boolean;
  /** Only how many octets it has decoded (BINARY.SIZE). */
  readonly sizeOnly?: boolean;
  readonly partial?: { readonly offset: number; readonly length: number };
}

/**
 * A section's content. Small ones come inline; larger ones as a range to be read with `read`, so that no message is
 * ever held whole. `null` where the part does not exist (FETCH answers NIL).
 */
export type SectionContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'range'; readonly start: number; readonly length: number }
  /** Octets of the decoded part, to be read with `readDecoded`. */
  | { readonly kind: 'decoded'; readonly part: readonly number[]; readonly start: number; readonly length: number }
  | { readonly kind: 'size'; readonly size: number }
  /** The Content-Transfer-Encoding is unknown (RFC 3516 section 4.3). */
  | { readonly kind: 'unknown-encoding' }
  | null;

export interface FetchRequest {
  readonly columns: readonly FetchColumn[];
  readonly sections: readonly SectionSpec[];
  /** Set \Seen on what is fetched (BODY[] without PEEK). */
  readonly markSeen: boolean;
  /** CHANGEDSINCE (RFC 7162). */
  readonly changedSince?: number;
  /**
   * Where inline sections are put as far as it goes; else they get buffers of their own. It goes to the store, and comes
   * back as the buffer of the sections that lie in it: the caller may then use it again.
   */
  readonly room?: ArrayBuffer;
}

export interface FetchedMessage {
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly Flag[];
  /** \Seen was set by this fetch: FLAGS must be told to the client. */
  readonly seenNow: boolean;
  readonly internalDate: number;
  readonly size: number;
  readonly saveDate: number;
  /** Identity of the bytes inside the account (OBJECTID's EMAILID); also the handle for `read`. */
  readonly message: string;
  readonly envelope?: string;
  readonly body?: string;
  readonly bodyStructure?: string;
  readonly messageId?: string | null;
  /** The beginning of the text (RFC 8970). */
  readonly preview?: string;
  /** THREADID (RFC 8474): the same for messages of one conversation or one PEC exchange. */
  readonly threadId?: string;
  /** One for each requested section, in order. */
  readonly sections: readonly SectionContent[];
}

export interface FlagChange {
  readonly action: 'add' | 'remove' | 'set';
  readonly flags: readonly Flag[];
  /** UNCHANGEDSINCE (RFC 7162): messages changed later are left alone and come back in `modified`. */
  readonly unchangedSince?: number;
}

/** One message filed. `uid` is the same for a message that was there already. */
export interface Filed {
  /** The leaf that the message's own date and kind put it in. */
  readonly view: View;
  readonly uidValidity: number;
  readonly uid: number;
  readonly message: string;
  /** Hex SHA-256 of the raw bytes. */
  readonly sha256: string;
  readonly duplicate: boolean;
}

/** A message whose bytes are on disk and which no view shows yet. */
export interface HeldMessage {
  readonly message: string;
  readonly size: number;
  readonly filing: Filing;
}

export interface CopyOutcome {
  readonly uidValidity: number;
  /** Nothing was copied: a package of distribution was asked for, and will come as a new message. */
  readonly requested?: boolean;
  /** Pairs in the order of the source's UIDs. */
  readonly pairs: readonly { readonly source: number; readonly destination: number; readonly view: View }[];
}

/** Threads in order, each node before its children. */
export interface ThreadList {
  /** 0 stands for a message that others refer to and that is not there. */
  readonly uids: Uint32Array;
  /** 0 for the beginning of a thread. */
  readonly depths: Uint32Array;
}

/** Where the bytes come from, for the category and the archive's own record. */
export interface Origin {
  /** `sent`: left this mailbox (submission, sent folder); `received`: all else; `unknown`: put there by hand. */
  readonly direction: 'received' | 'sent' | 'unknown';
  /** For the journal: `imap-append`, `imap-copy`, `archiver`, `import`, `submission`, `report`, `distribution`. */
  readonly source: string;
  readonly folder?: string;
}

export interface Filing {
  readonly flags: readonly Flag[];
  /** INTERNALDATE, milliseconds since the epoch; now when absent. */
  readonly internalDate?: number;
  readonly origin: Origin;
}

/**
 * A message on its way in: bytes go to a file of the account as they come, on no thread's heap. `write` resolves when
 * more may be written. A spool that is neither filed nor discarded is removed at the next start.
 */
export interface Spool {
  readonly size: number;
  write(chunk: Uint8Array): Promise<void>;
  discard(): Promise<void>;
}

/** Summary of a stored message, for conservation, doctor and inspect. */
export interface MessageRecord {
  readonly message: string;
  readonly sha256: string;
  readonly size: number;
  readonly internalDate: number;
  readonly category: Category;
  /** Certified date where there is one, else INTERNALDATE; its Europe/Rome month is the view's. */
  readonly filedAt: number;
  readonly pec: PecFacts;
  /** Outcome of checking the gestore's signature when the message came; null for ordinary mail. */
  readonly signature: SignatureSummary | null;
  readonly structure: Pick<MessageStructure, 'subject' | 'from' | 'to' | 'cc' | 'sentAt' | 'messageId' | 'root'>;
  readonly conserved: { readonly packageId: string; readonly at: number } | null;
}

/** An account in numbers, for metrics. */
export interface AccountFigures {
  /** Messages in the queue for conservation, and since when the oldest of them; null: none. */
  readonly waiting: number;
  readonly waitingSince: number | null;
  readonly conserved: number;
  /** Octets of the segments on disk. */
  readonly storedBytes: number;
}

/** A message waiting for conservation. */
export interface QueuedMessage extends MessageRecord {
  /** UID in `--ARCHIVIA--`, null when a policy queued it. */
  readonly intakeUid: number | null;
  readonly attempts: number;
  readonly queuedAt: number;
}

/** A message that was sent and what came back about it, as `pec/exchange.ts` works it out. */
export interface Exchange extends Omit<ExchangeState, 'receipts'> {
  /** The sender's copy; null when it is not in the archive. */
  readonly sent: string | null;
  /** Message-ID of the sender's copy, without angle brackets. */
  readonly msgid: string | null;
  /** The PEC id; null before acceptance. */
  readonly identificativo: string | null;
  readonly receipts: readonly {
    readonly message: string;
    readonly kind: PecKind;
    readonly at: number;
    /** Null when it is about all of them. */
    readonly recipient: string | null;
    /** False where the signature does not hold or is nobody's that is believed: it is listed and says nothing. */
    readonly counts: boolean;
  }[];
}

/** A package whose evidence lies complete and flushed in `evidenceDirectory(packageId)`. */
export interface SealedPackage {
  readonly packageId: string;
  readonly sealedAt: number;
  readonly messages: readonly { readonly message: string; readonly sha256: string }[];
}

/** A package of distribution that a user asked for. */
export interface DistributionRequest {
  readonly id: number;
  readonly messages: readonly string[];
  readonly requestedAt: number;
}

/** One act on the archive. */
export interface JournalEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly at: number;
  readonly act: string;
  /** Who did it: `imap`, `archiver`, `submission`, `conservation`, ... */
  readonly actor: string;
  /** JSON. */
  readonly detail: string;
  /** Hex SHA-256 over the entry and the hash before it; see journal/chain.ts. */
  readonly hash: string;
}
export type JournalHead = Pick<JournalEntry, 'seq' | 'hash'>;

/** A part of a message whose text SEARCH does not know, or not all of it. */
export interface UnreadablePart {
  /** Ascends in a list; to go on after it. */
  readonly id: number;
  readonly message: string;
  /** UID in `Archivio`; null when the message is not there. */
  readonly uid: number | null;
  readonly subject: string;
  /** Part number, such as `2.1`; empty for the message as a whole. */
  readonly section: string;
  /** English; begins with the path inwards where a document lies in another: `atti.zip/ricorso.pdf: encrypted`. */
  readonly reason: string;
}

/** How far the archiver has come in one upstream folder. */
export interface FolderCursor {
  readonly folder: string;
  readonly uidValidity: number;
  /** Every UID up to this one has been seen to. */
  readonly lastUid: number;
}

/** An upstream folder in one of its lives: UIDs mean nothing under another UIDVALIDITY. */
export type UpstreamFolder = Pick<FolderCursor, 'folder' | 'uidValidity'>;

/** A SEARCH key that the index answers for an upstream folder. */
export interface UpstreamText {
  readonly op: 'text' | 'body';
  readonly needle: string;
}

/** A message of an upstream folder whose bytes are those of a message here. */
export interface UpstreamMessage {
  readonly uid: number;
  readonly message: string;
}

/** A message's copy here, as the disk holds it now. */
export interface KeptCopy {
  /** Hex SHA-256 of the bytes that were read. */
  readonly sha256: string;
  readonly size: number;
  /** When it came into `Archivio`, when it was conserved; null: it is not there. */
  readonly archivedAt: number | null;
  readonly conservedAt: number | null;
}

export interface StoreEvent {
  /** A tree gained, changed or lost messages. */
  readonly tree: 'archive' | 'conservation' | 'intake' | 'watch' | 'local';
  /** The mailbox, when the tree is `local`. */
  readonly name?: string;
  readonly modseq: number;
  /** Views (of any level) came or went: LIST has a new answer. */
  readonly viewsChanged: boolean;
  /** The queue for conservation grew, or a package of distribution was asked for. */
  readonly queued: boolean;
}

/** Coded failure of the store; the IMAP layer maps `code` to a response code of RFC 5530. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string) {
    super(message);
    this.name = 'StoreError';
    this.code = code;
  }
}
export type StoreErrorCode =
  | 'NONEXISTENT'
  | 'ALREADYEXISTS'
  | 'CANNOT'
  /** The account's service term does not allow it (any more). */
  | 'NOPERM'
  | 'OVERQUOTA'
  | 'TOOBIG'
  /** Damaged bytes: told, never served. */
  | 'CORRUPTION'
  | 'LIMIT'
  | 'UNAVAILABLE'
  | 'SERVERBUG';

/** One account's mailboxes, messages, queue and settings. Every method may reject with a StoreError. */
export interface AccountStore {
  readonly address: string;
  readonly directory: string;

  // — authenticated state —
  listViews(): Promise<ViewListing[]>;
  setSubscribed(view: View, subscribed: boolean): Promise<void>;
  createMailbox(name: string, specialUse?: string): Promise<void>;
  deleteMailbox(name: string): Promise<void>;
  renameMailbox(from: string, to: string): Promise<void>;
  status(views: readonly View[]): Promise<ViewStatus[]>;
  open(view: View, options: { readonly readOnly: boolean }): Promise<OpenedView>;
  spool(): Promise<Spool>;
  /** Files a spooled message: on disk, flushed, rebuilt and compared by SHA-256 when it resolves. Consumes the spool. */
  file(view: View, spool: Spool, filing: Filing): Promise<Filed>;
  /** The first half of `file`, for messages of which all are to be filed or none: takes the bytes, shows nothing. */
  hold(view: View, spool: Spool, filing: Filing): Promise<HeldMessage>;
  /** Files held messages, all in one transaction. What is never filed is an orphan from the beginning. */
  fileHeld(view: View, messages: readonly HeldMessage[]): Promise<Filed[]>;

  // — selected state —
  changes(view: View, sinceModseq: number): Promise<ViewChanges>;
  /** The caller asks for bounded runs of UIDs (a few hundred); rows come in ascending UID order, missing ones left out. */
  fetch(view: View, uids: readonly number[], request: FetchRequest): Promise<FetchedMessage[]>;
  /** At most 1 MiB a call. Rejects with CORRUPTION rather than return a wrong byte. */
  read(message: string, start: number, length: number): Promise<Uint8Array>;
  /** Octets of a part without its Content-Transfer-Encoding; at most 1 MiB a call. */
  readDecoded(message: string, part: readonly number[], start: number, length: number): Promise<Uint8Array>;
  storeFlags(
    view: View,
    uids: readonly number[],
    change: FlagChange,
  ): Promise<{ readonly stored: StoredFlags[]; readonly modified: number[] }>;
  /** Removes what has \Deleted among `uids` (all when null). Rejects with CANNOT where the tree forbids it. */
  expunge(view: View, uids: readonly number[] | null): Promise<{ readonly uids: number[]; readonly modseq: number }>;
  copy(view: View, uids: readonly number[], to: View): Promise<CopyOutcome>;
  /** Copy, then removal from `view`, as one transaction. */
  move(view: View, uids: readonly number[], to: View): Promise<CopyOutcome>;
  /** Removes without regard to \Deleted what has been copied elsewhere (a MOVE to an upstream folder). */
  remove(view: View, uids: readonly number[]): Promise<void>;
  /** Ascending UIDs. */
  search(view: View, criteria: SearchCriteria): Promise<Uint32Array>;
  /**
   * UIDs in the order of the keys, each of which counts where those before it say nothing; at last by UID.
   * @param grades for the key `relevancy`: what meets these criteria as well fits better, the more of them the better
   */
  sort(
    view: View,
    criteria: SearchCriteria,
    keys: readonly SortCriterion[],
    grades: readonly SearchCriteria[],
  ): Promise<Uint32Array>;
  thread(view: View, criteria: SearchCriteria, algorithm: ThreadAlgorithm): Promise<ThreadList>;

  // — text of attachments, read after a message was filed —
  /** What was not read and why, oldest first, after the row of that id; at most 1,000 a call. */
  unreadable(limit: number, after?: number): Promise<UnreadablePart[]>;
  /** Messages whose attachments SEARCH does not know yet. */
  textPending(): Promise<number>;
  /** Resolves when there is none; at once where attachments are not read. */
  textSettled(): Promise<void>;

  // — archiver and conservation —
  cursors(): Promise<FolderCursor[]>;
  /** @param known messages that the cursor goes past, with what they are here: told in the same transaction */
  setCursor(cursor: FolderCursor, known?: readonly UpstreamMessage[]): Promise<void>;
  /**
   * Which upstream message is which of ours, as far as it was seen by the archiver or copied. What is not told is not
   * known, which says nothing of whether the archive has it.
   */
  knowUpstream(folder: UpstreamFolder, known: readonly UpstreamMessage[]): Promise<void>;
  /** Ascending UIDs of the folder that are known: all of a folder's messages are when all its UIDs are among them. */
  knownUpstreamUids(folder: UpstreamFolder): Promise<Uint32Array>;
  /** Those among `uids` that are known, ascending; the caller asks for bounded runs. */
  upstreamMessages(folder: UpstreamFolder, uids: readonly number[]): Promise<UpstreamMessage[]>;
  /** UIDs of known messages that hold each text, ascending; null for a text too short to be answered. */
  searchUpstream(folder: UpstreamFolder, texts: readonly UpstreamText[]): Promise<(Uint32Array | null)[]>;
  /** Forgets the UIDs that are not among `present`, which is every UID that the folder has. */
  retainUpstream(folder: UpstreamFolder, present: readonly number[]): Promise<void>;
  /** Reads the whole message from disk again. Rejects with CORRUPTION when it is not what was stored. */
  keptCopy(message: string): Promise<KeptCopy>;
  record(message: string): Promise<MessageRecord>;
  /** The exchange that a sent message or a receipt belongs to; null for every other message. */
  exchange(message: string): Promise<Exchange | null>;
  /** Brings the views under watch up to a moment, now by default; the store does so by itself every hour. */
  reviewWatched(now?: number): Promise<void>;
  /** Whether the account holds these bytes already. */
  findBySha256(sha256: string): Promise<string | null>;
  /** Queues archived messages for conservation by policy, without showing them in `--ARCHIVIA--`. */
  queue(messages: readonly string[]): Promise<void>;
  /** The longest waiting first, after the first `offset` ones. */
  queued(limit: number, offset?: number): Promise<QueuedMessage[]>;
  /** A check failed: counts the try; `refused` takes the message out of the queue and marks it `$Rifiutato`. */
  queueFailed(message: string, reason: string, refused: boolean): Promise<void>;
  /** Directory of a package's evidence; made when absent. */
  evidenceDirectory(packageId: string): Promise<string>;
  /** Out of `--ARCHIVIA--`, into `Conservazione`, `$Conservato` in `Archivio`: in order, a few in one transaction. */
  conserved(sealed: SealedPackage): Promise<void>;
  packages(): Promise<SealedPackage[]>;
  figures(): Promise<AccountFigures>;
  /** Packages of distribution asked for by COPY and not made yet, oldest first. */
  distributionRequests(): Promise<DistributionRequest[]>;
  /** Takes a request away; `outcome` goes into the journal. */
  distributionDone(id: number, outcome: object): Promise<void>;

  // — journal: append-only, hash-chained —
  journalHead(): Promise<JournalHead>;
  /** Entries after `after`, oldest first. */
  journal(after: number, limit: number): Promise<JournalEntry[]>;
  /** For acts that the store does not see by itself. */
  appendJournal(act: string, actor: string, detail: object): Promise<void>;

  // — service term —
  /** null: no dates were given, and the service has no end. */
  serviceTerm(): Promise<ServiceTerm | null>;
  /** Outside its term the account's views are read-only. `act` and `actor` are for the journal. */
  setServiceTerm(term: ServiceTerm | null, act: string, actor: string): Promise<void>;

  // — space —
  /**
   * Gives back to the disk what no folder has held for a while; never what is conserved or on its way. Runs daily by
   * itself. `freedBytes`: of the segments.
   */
  compact(options?: CompactOptions): Promise<{ readonly freedBytes: number }>;

  // — settings: small values, JSON —
  setting<T>(key: string): Promise<T | null>;
  setSetting<T>(key: string, value: T): Promise<void>;

  /** Told after the transaction that made the change is on disk. */
  on(event: 'change', listener: (event: StoreEvent) => void): this;
  off(event: 'change', listener: (event: StoreEvent) => void): this;
}

export interface Store {
  /** Opens (and with `create` makes) an account's store; the same object for the same address while it is open. */
  account(address: string, options?: { readonly create: boolean }): Promise<AccountStore>;
  /** Addresses of every account on disk. */
  addresses(): Promise<string[]>;
  close(): Promise<void>;
}
