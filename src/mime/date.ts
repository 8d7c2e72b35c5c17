const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

/** Zones by name (RFC 5322 section 4.3), in hours; any other name counts as UTC, as there. */
const ZONES: Readonly<Record<string, number>> = {
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
  cet: 1,
  cest: 2,
};

const DATE =
  /^(?:[a-z]+\.?,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})\s+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*(?:([+-]\d{4})|([a-z]+))?/i;

function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return text.length === 3 ? 1900 + year : year;
}

/** A Date field (RFC 5322 sections 3.3, 4.3) as milliseconds since the epoch; null when it cannot be read. */
export function parseDate(value: string): number | null {
  const text = value
    .slice(0, 200)
    .replace(/\([^()]*\)/g, ' ')
    .trim();
  const match = DATE.exec(text);
  if (!match) return null;
  const month = MONTHS.indexOf((match[2] ?? '').toLowerCase());
  const [day, hour, minute, second] = [match[1], match[4], match[5], match[6] ?? '0'].map(Number);
  if (month < 0 || day === undefined || hour === undefined || minute === undefined || second === undefined) return null;
  if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  const zone = match[7];
  const offset = zone
    ? (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5)))
    : (ZONES[(match[8] ?? '').toLowerCase()] ?? 0) * 60;
  const local = new Date(Date.UTC(fullYear(match[3] ?? ''), month, day, hour, minute, Math.min(second, 59)));
  // 30 February would be taken for 2 March.
  return local.getUTCMonth() === month ? local.getTime() - offset * 60_000 : null;
}
