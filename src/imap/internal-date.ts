/**
 * INTERNALDATE of RFC 3501 section 9 (`date-time`), in the time of Rome: the calendar day that a client shows is the
 * one by which SEARCH and the monthly folders go.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const HOUR = 3_600_000;
const ROME = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Rome', timeZoneName: 'longOffset' });
/** Hours whose offset is remembered; a mailbox of ten years needs a few thousand. */
const REMEMBERED = 50_000;
const offsets = new Map<number, number>();

/** `17-Jul-2026 02:44:25 +0200`, without the quotes that stand around it. */
export function formatInternalDate(milliseconds: number): string {
  const offset = romeOffset(milliseconds);
  const date = new Date(milliseconds + offset * 60_000);
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const year = String(Math.min(9999, Math.max(0, date.getUTCFullYear()))).padStart(4, '0');
  const sign = offset < 0 ? '-' : '+';
  const zone = `${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  return `${day}-${MONTHS[date.getUTCMonth()]}-${year} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${sign}${zone}`;
}

/** Reads a `date-time` without its quotes; null when it is none. */
export function parseInternalDate(text: string): number | null {
  const match = /^( ?\d|\d\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  if (match === null) return null;
  const [
    ,
    dayText = '',
    monthText = '',
    yearText = '',
    hour = '',
    minute = '',
    second = '',
    sign,
    zoneHour,
    zoneMinute,
  ] = match;
  const month = monthIndex(monthText);
  const [day, year] = [Number(dayText), Number(yearText)];
  if (month === null || !isDay(year, month, day)) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60 || Number(zoneMinute) > 59) return null;
  const local = new Date(0);
  local.setUTCFullYear(year, month, day);
  local.setUTCHours(Number(hour), Number(minute), Number(second));
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000;
  return local.getTime() - (sign === '-' ? -offset : offset);
}

/** 0 to 11; null when the word is no month. */
export function monthIndex(name: string): number | null {
  const index = MONTHS.findIndex(month => month.toLowerCase() === name.toLowerCase());
  return index === -1 ? null : index;
}

/** Whether the calendar has this day. @param month 0 to 11 */
export function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  return date.getUTCMonth() === month && date.getUTCDate() === day;
}

/** Minutes east of Greenwich. */
function romeOffset(milliseconds: number): number {
  const hour = Math.floor(milliseconds / HOUR);
  const known = offsets.get(hour);
  if (known !== undefined) return known;
  const name = ROME.formatToParts(hour * HOUR).find(part => part.type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0'] = /([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  if (offsets.size >= REMEMBERED) offsets.clear();
  offsets.set(hour, offset);
  return offset;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
