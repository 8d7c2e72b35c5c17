/**
 * Every limit of the MIME code, with its reason. Beyond a limit the rest is left as it is (a leaf, a shorter list);
 * nothing throws, since the bytes themselves are always kept and served.
 */
export const LIMITS = {
  /** Nesting of multiparts and embedded messages; the same figure as Dovecot, far above any real mail. */
  depth: 100,
  /** Nodes of one message; the same figure as Dovecot. */
  parts: 10_000,
  /** Parameters of one Content-Type or Content-Disposition (CVE-2026-27859 was an unbounded list). */
  parameters: 1000,
  /** Octets of one Content-* value that are looked at. */
  contentField: 64 * 1024,
  /** Octets of any other unfolded field; an address field of 500 recipients needs some 60 KiB. */
  field: 1024 * 1024,
  /** Octets of one string of ENVELOPE or BODYSTRUCTURE; clients read them into lines of bounded length. */
  quoted: 16 * 1024,
  /** Octets of one header in which fields are looked for: a hundred megabytes of short lines would take half a minute. */
  header: 8 * 1024 * 1024,
  /** Fields of one header that are looked at. */
  fields: 10_000,
  /** Octets of a boundary; RFC 2046 allows 70, some senders go beyond. */
  boundary: 1000,
  /** Addresses of one field that are listed. */
  addresses: 10_000,
  /** Message-IDs of a References field that are kept. */
  references: 1000,
  /** Nesting of comments in structured fields. */
  comments: 100,
  /** UTF-16 units of searchable text of one message. */
  searchText: 4 * 1024 * 1024,
  /** Embedded messages that must be decoded first (base64 .eml attachments): how deep, since each costs a copy. */
  decodedMessages: 5,
  /** Octets of one part that are decoded for searching: base64 of the text limit and then some. */
  decodedPart: 16 * 1024 * 1024,
} as const;
