const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * The Date field's day as its sender wrote it, `YYYY-MM-DD`: SENTON and its kin disregard time and zone (RFC 3501
 * section 6.4.4). `header` is the decoded header, one field a line. null where there is no readable Date.
 */
export function sentDay(header: string): string | null {
  const value = /^date[ \t]*:(.*)$/im.exec(header)?.[1] ?? '';
  const match = /(?:^|[\s,])(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})(?:\s|$)/i.exec(value.slice(0, 200));
  const month = MONTHS.indexOf(match?.[2]?.toLowerCase() ?? '') + 1;
  const day = Number(match?.[1]);
  if (!match?.[3] || month === 0 || day < 1 || day > 31) return null;
  let year = Number(match[3]);
  // RFC 5322 section 4.3.
  if (match[3].length === 2) year += year < 50 ? 2000 : 1900;
  else if (match[3].length === 3) year += 1900;
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}
