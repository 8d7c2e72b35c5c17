/** A part's `name=value` parameter as it stands on the wire, RFC 2231 continuations already joined and decoded. */
export type Parameter = readonly [name: string, value: string];

/**
 * One node of a message's MIME tree (RFC 2045, RFC 2046). All offsets are octets from the start of the raw message;
 * ends are exclusive. The tree describes and never copies: any section of IMAP is a slice of the raw bytes.
 */
export interface MimeNode {
  /** First octet of the header. */
  readonly headerStart: number;
  /** First octet after the blank line that ends the header; equal to the header's end when there is no blank line. */
  readonly bodyStart: number;
  /** End of the body, without the line break that belongs to the delimiter which follows it. */
  readonly bodyEnd: number;
  /** Lines of the body as BODYSTRUCTURE counts them. */
  readonly bodyLines: number;
  /** Lower case; `text/plain` where the header is missing or cannot be read (RFC 2045 section 5.2). */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: readonly Parameter[];
  readonly id?: string;
  readonly description?: string;
  /** Content-Transfer-Encoding, lower case; `7bit` where absent. */
  readonly encoding: string;
  readonly md5?: string;
  readonly disposition?: string;
  readonly dispositionParameters: readonly Parameter[];
  readonly language: readonly string[];
  readonly location?: string;
  /** Parts of a multipart; for message/rfc822 exactly one child, the embedded message's root; else empty. */
  readonly children: readonly MimeNode[];
}

/** An address of RFC 5322, decoded: `name` and `address` are plain Unicode. */
export interface MailAddress {
  readonly name: string;
  /** `local@domain`, or what stood there when it is no address. */
  readonly address: string;
}

/** The text of a message as IMAP SEARCH sees it: decoded (transfer encoding, charset, RFC 2047), not yet folded. */
export interface SearchText {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  /** Every header field of the top level, decoded, one `Name: value` a line. */
  readonly header: string;
  /** Text of all parts at any depth, headers of nested messages and file names of attachments included. */
  readonly body: string;
  /** What could not be read, and why; empty when everything was. */
  readonly unreadable: readonly { readonly section: string; readonly reason: string }[];
}

/** What a message's raw bytes say once and for all; computed at ingest, kept by the store. */
export interface MessageStructure {
  readonly root: MimeNode;
  /** ENVELOPE and BODYSTRUCTURE as they stand in a FETCH response (RFC 3501 section 7.4.2): 7-bit, on one line. */
  readonly envelope: string;
  readonly bodyStructure: string;
  /** Decoded top-level fields which listings and SORT read. */
  readonly subject: string;
  readonly from: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  /** Date header, milliseconds since the epoch, or null when absent or unreadable. */
  readonly sentAt: number | null;
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
}

/** What SORT and THREAD compare, computed once; texts are mapped by i;unicode-casemap and compare octet by octet. */
export interface SortKeys {
  /** Date field, milliseconds since the epoch; null when absent or unreadable. */
  readonly sentAt: number | null;
  /** Base subject (RFC 5256 section 2.1), and whether it was that of a reply or forward. */
  readonly subject: string;
  readonly isReply: boolean;
  /** Mailbox names of the first address. */
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly displayFrom: string;
  readonly displayTo: string;
  /** Message-IDs without brackets, one character an octet. */
  readonly id: string | null;
  readonly references: readonly string[];
}
