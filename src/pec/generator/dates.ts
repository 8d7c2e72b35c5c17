/** Dates as gestori write them: the legal time of Italy. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const HOUR = 3_600_000;

const two = (value: number) => String(value).padStart(2, '0');

/** Last Sunday of a month, 01:00 UTC: when summer time begins (March) and ends (October) in the Union. */
function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0, 1));
  return last.getTime() - last.getUTCDay() * 24 * HOUR;
}

/** An instant by the clock of Rome. */
export interface LegalTime {
  /** `dd/mm/yyyy` */
  readonly giorno: string;
  /** `hh:mm:ss` */
  readonly ora: string;
  /** `+0100` or `+0200` */
  readonly zona: string;
  /** Date header (RFC 5322 section 3.3). */
  readonly header: string;
  /** `yyyymmddhhmmss` */
  readonly compact: string;
}

export function legalTime(at: Date): LegalTime {
  const utcYear = at.getUTCFullYear();
  const summer = at.getTime() >= lastSunday(utcYear, 2) && at.getTime() < lastSunday(utcYear, 9);
  const local = new Date(at.getTime() + (summer ? 2 : 1) * HOUR);
  const zona = summer ? '+0200' : '+0100';
  const year = local.getUTCFullYear();
  const [month, day] = [two(local.getUTCMonth() + 1), two(local.getUTCDate())];
  const clock = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(two);
  const named = `${DAYS[local.getUTCDay()]}, ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]} ${year}`;
  return {
    giorno: `${day}/${month}/${year}`,
    ora: clock.join(':'),
    zona,
    header: `${named} ${clock.join(':')} ${zona}`,
    compact: `${year}${month}${day}${clock.join('')}`,
  };
}

/** The instant so many seconds later. */
export function later(at: Date, seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}
