import { toSevenBit } from './encoded-word.ts';
import { LIMITS } from './limits.ts';

/** Quoted string of RFC 3501: of bounded length, 7-bit, without line breaks and control characters, `"` and `\` escaped. */
export function quote(value: string): string {
  const clean = toSevenBit(value.slice(0, LIMITS.quoted))
    .replace(/[\t\r\n]/g, ' ')
    .replace(/[\x00-\x1f\x7f]/g, '');
  return `"${clean.replace(/["\\]/g, '\\$&')}"`;
}

/** A quoted string, or NIL where there is no value. */
export function quoteOrNil(value: string | null | undefined): string {
  return value === null || value === undefined ? 'NIL' : quote(value);
}
