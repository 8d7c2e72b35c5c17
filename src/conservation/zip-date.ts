/**
 * The instant as a local time with the figures of UTC: what ZIP writes is local time, and the same package must come out
 * the same wherever it is made. DOS time has no years before 1980.
 */
export function zipDate(milliseconds: number): Date {
  const utc = new Date(Math.max(milliseconds, Date.UTC(1980, 0, 1)));
  return new Date(
    utc.getUTCFullYear(),
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
    utc.getUTCSeconds(),
  );
}
