/** Every bound of the store in one place, with its reason. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** PEC allows 100 MB times recipients; base64 adds a third and receipts may nest the whole message once more. */
export const MAX_MESSAGE_BYTES = 256 * MIB;
/** Messages in preparation at one time hold at most this many raw bytes (a single larger one goes alone). */
export const MAX_PREPARING_BYTES = 64 * MIB;
/** A message up to this waits in memory while it comes in; a larger one in a file. */
export const SPOOLED_IN_MEMORY_BYTES = 256 * KIB;
/** All messages that wait in memory, some hundred senders at once; what does not fit goes to a file. */
export const SPOOL_MEMORY_BYTES = 32 * MIB;
/** A parser that takes longer than this is stopped and the message is stored unparsed. */
export const PREPARE_TIMEOUT_MS = 120_000;

/**
 * Decoded octets of one piece, 761 KiB: a multiple of 57, 54 and 48, the octets of base64 lines of 76, 72 and 64
 * characters, so that an attachment is cut at the same places whichever of these its lines have.
 */
export const PIECE_BYTES = 95 * 8208;
/** Bodies smaller than this stay in the message's skeleton: a record of their own would cost more than it saves. */
export const MIN_BODY_PIECE_BYTES = KIB;
/** A new segment file is begun when the current one has grown to this. */
export const SEGMENT_BYTES = 256 * MIB;

/** One fsync and one transaction carry at most this many waiting messages, or bytes. */
export const BATCH_MESSAGES = 64;
export const BATCH_BYTES = 32 * MIB;

/** Messages of a package that change trees in one transaction, and the time after which no more join it. */
export const CONSERVED_GROUP = 64;
export const CONSERVED_GROUP_MS = 100;

/** Decoded pieces that a store thread keeps at hand: an attachment returns within a few messages, or not for long. */
export const PIECE_CACHE_BYTES = 8 * MIB;

/** Pages of its database that an account at work keeps in memory. */
export const PAGE_CACHE_BYTES = 8 * MIB;
/** Accounts of a store thread that keep pages and statements in memory: those used last. */
export const WARM_ACCOUNTS = 16;

export const MAX_READ_BYTES = MIB;
/** Sections up to this come inline; larger ones as a range. Where the caller has room for them, whatever fits there. */
export const INLINE_SECTION_BYTES = 256 * KIB;
/** Inline sections of one fetch call together; what comes after is given as ranges. */
export const INLINE_FETCH_BYTES = 3 * MIB;
/** Headers that are kept beside the message as well. */
export const MAX_KEPT_HEADER_BYTES = 16 * KIB;
/** Headers that HEADER.FIELDS will filter. */
export const MAX_HEADER_BYTES = 8 * MIB;

/** Nodes of a SEARCH program: SQLite's own depth limit is 1,000. */
export const MAX_CRITERIA = 500;
/** Messages whose text is scanned before other accounts get their turn. */
export const SCAN_SLICE = 1000;
/** Characters of one column of a message's text that are searched. */
export const MAX_TEXT_CHARS = 16 * MIB;
/**
 * Longer texts are searched by scan alone: putting one into the index takes time in which its store thread serves nobody
 * else.
 */
export const MAX_INDEXED_CHARS = 512 * KIB;
export const MAX_INDEXED_TOKENS = 50_000;

/** Messages handed to the reader of attachments at one time; the others wait in the database. */
export const EXTRACTION_MESSAGES = 4;
/** Reading attachments waits for a pause in what comes in, and no longer than this for the next few messages. */
export const EXTRACTION_GIVES_WAY_MS = 5_000;
/** When attachments could not be read at all (no process, no disk space): the first wait, doubled each time, and the longest. */
export const EXTRACTION_RETRY_MS = 5_000;
export const MAX_EXTRACTION_RETRY_MS = 60_000;
/** Tries after which a message's attachments are given up, and listed as unread. */
export const EXTRACTION_TRIES = 8;
/** Rows of one call that lists what could not be read. */
export const MAX_UNREADABLE_ROWS = 1000;

/** How often the clock is looked at for the views under watch: they count in hours and days. */
export const REVIEW_EVERY_MS = 3_600_000;

export const MAX_KEYWORDS = 1000;
export const MAX_KEYWORD_CHARS = 200;
export const MAX_MAILBOXES = 10_000;
export const MAX_MAILBOX_NAME = 1000;
