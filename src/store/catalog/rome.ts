/** Calendar of Europe/Rome: the months of the views and the days of SEARCH. */
const ZONE = 'Europe/Rome';

export function romeMonth(at: number): { readonly year: number; readonly month: number } {
  const { year, month } = Temporal.Instant.fromEpochMilliseconds(Math.trunc(at)).toZonedDateTimeISO(ZONE);
  return { year, month };
}

/** Day of an instant, `YYYY-MM-DD`. */
export function romeDate(at: number): string {
  return Temporal.Instant.fromEpochMilliseconds(Math.trunc(at)).toZonedDateTimeISO(ZONE).toPlainDate().toString();
}

/** First instants of a day `YYYY-MM-DD` and of the day after; null when there is no such day. */
export function romeDay(day: string): { readonly start: number; readonly end: number } | null {
  try {
    const date = Temporal.PlainDate.from(day);
    return {
      start: date.toZonedDateTime(ZONE).epochMilliseconds,
      end: date.add({ days: 1 }).toZonedDateTime(ZONE).epochMilliseconds,
    };
  } catch {
    return null;
  }
}
