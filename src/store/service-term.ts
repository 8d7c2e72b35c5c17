/** The term for which an account's archive and conservation are provided. */
export interface ServiceTerm {
  /** First instant, milliseconds since the epoch. */
  readonly start: number;
  /** First instant after it. */
  readonly end: number;
  /** When notice was given; null: at its end the term is renewed by itself. */
  readonly noticeAt: number | null;
}

/** Whether messages may be archived and conserved; an account without a term has no end. */
export function isServed(term: ServiceTerm | null, now: number): boolean {
  return term === null || (now >= term.start && (term.noticeAt === null || now < term.end));
}
