/** Dates of a service term, as the providers' contracts have them: renewed by itself unless notice was given in time. */
import { romeDate, romeDay } from '../../store/catalog/rome.ts';
import type { ServiceTerm } from '../../store/service-term.ts';

/** Days before the end of a term until which notice takes effect at that end. */
const NOTICE_DAYS = 30;
const DAY = 86_400_000;

/** A term from the first to the last day, `YYYY-MM-DD` in Italian time; null when a day is none or they are in the wrong order. */
export function termOf(firstDay: string, lastDay: string | null): ServiceTerm | null {
  const first = romeDay(firstDay);
  if (first === null) return null;
  const end = lastDay === null ? yearAfter(first.start) : romeDay(lastDay)?.end;
  return end === undefined || end <= first.start ? null : { start: first.start, end, noticeAt: null };
}

/** The last day of a term, `YYYY-MM-DD`. */
export function lastDayOf({ end }: ServiceTerm): string {
  return romeDate(end - 1);
}

/** The term after notice: too late for this end, it takes effect a year later. `end`: agreed otherwise. */
export function withNotice(term: ServiceTerm, now: number, end: number | null): ServiceTerm {
  let last = end ?? term.end;
  while (end === null && last - now < NOTICE_DAYS * DAY) last = yearAfter(last);
  return { ...term, end: last, noticeAt: now };
}

/**
 * The term renewed: from its end on for another year, or until `end`. A term that ended in the past begins again today,
 * for its days went by without service.
 */
export function renewed(term: ServiceTerm, now: number, end: number | null): ServiceTerm {
  let last = end ?? yearAfter(term.noticeAt !== null && term.end <= now ? startOfDay(now) : term.end);
  while (end === null && last <= now) last = yearAfter(last);
  return { ...term, end: last, noticeAt: null };
}

function startOfDay(at: number): number {
  return romeDay(romeDate(at))?.start ?? at;
}

function yearAfter(at: number): number {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO('Europe/Rome').add({ years: 1 })
    .epochMilliseconds;
}
