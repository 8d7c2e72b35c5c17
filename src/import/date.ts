import { parseDate } from '../mime/date.ts';
import { headerFields } from '../mime/index.ts';

/** Octets of a message's beginning in which its date is looked for. */
export const HEAD = 64 * 1024;

/** When a message came: the date of the last hop (RFC 5321 section 4.4), else its Date; null when neither can be read. */
export function dateOfHead(head: Buffer): number | null {
  let date: number | null = null;
  for (const { name, value } of headerFields(head, 0, head.length)) {
    if (/^received$/i.test(name)) {
      const received = parseDate(value.slice(value.lastIndexOf(';') + 1));
      if (received !== null) return received;
    }
    if (/^date$/i.test(name)) date ??= parseDate(value);
  }
  return date;
}
