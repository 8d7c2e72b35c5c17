/** Half-open ranges [first, last], both inclusive; `*` is resolved by the session before the store sees a set. */
export type NumberSet = readonly (readonly [first: number, last: number])[];

/**
 * A SEARCH program as a tree (RFC 3501 section 6.4.4, RFC 5032 WITHIN, RFC 7162 MODSEQ, RFC 8514 SAVEDATE).
 * `and` with no operands is ALL. Sequence numbers are turned into `uid` by the session that owns them.
 * Dates are days: `YYYY-MM-DD`, compared with the message's own calendar day (INTERNALDATE in Europe/Rome; SENT* by
 * the Date header as written, zone disregarded).
 */
export type SearchCriteria =
  | { readonly op: 'and' | 'or'; readonly operands: readonly SearchCriteria[] }
  | { readonly op: 'not'; readonly operand: SearchCriteria }
  | { readonly op: 'uid'; readonly set: NumberSet }
  | { readonly op: 'flag'; readonly flag: string }
  | { readonly op: 'before' | 'on' | 'since'; readonly field: 'internal' | 'sent' | 'saved'; readonly day: string }
  | { readonly op: 'larger' | 'smaller'; readonly size: number }
  /** Seconds before now (WITHIN). */
  | { readonly op: 'younger' | 'older'; readonly seconds: number }
  | { readonly op: 'modseq'; readonly value: number }
  /** OBJECTID (RFC 8474). */
  | { readonly op: 'message' | 'thread'; readonly id: string }
  /** Substring of the decoded text; an empty needle matches every message. */
  | { readonly op: 'text' | 'body' | 'subject' | 'from' | 'to' | 'cc' | 'bcc'; readonly needle: string }
  /** `needle` empty: the field is there. */
  | { readonly op: 'header'; readonly field: string; readonly needle: string };

/** Keys of SORT (RFC 5256 section 3, RFC 5957). */
export type SortKey =
  | 'arrival'
  | 'cc'
  | 'date'
  | 'from'
  | 'size'
  | 'subject'
  | 'to'
  | 'displayFrom'
  | 'displayTo'
  /** What meets the exact criteria first (RFC 6203 section 5). */
  | 'relevancy';

export interface SortCriterion {
  readonly key: SortKey;
  readonly reverse: boolean;
}

/** RFC 5256 section 3; `refs` is draft-ietf-morg-inthread's. */
export type ThreadAlgorithm = 'references' | 'refs' | 'orderedSubject';
