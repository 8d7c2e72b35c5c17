import type { MimeNode } from '../../mime/types.ts';
import type { PecFacts } from '../types.ts';

/** Lower-case name of a top-level header field to its value. */
export type Fields = ReadonlyMap<string, string>;

/** One kind of certified mail: how it is told from others, and what it says. */
export interface Family {
  /** By the top-level header alone. */
  recognises(fields: Fields): boolean;
  /** Never throws for what the message holds. */
  read(raw: Uint8Array, root: MimeNode, fields: Fields): PecFacts;
}

/** A field's value in lower case; null when absent or empty. */
export function token(fields: Fields, name: string): string | null {
  return fields.get(name)?.trim().toLowerCase() || null;
}

/** What every message that says nothing else is. */
export const NOTHING_KNOWN = {
  virus: false,
  notice: null,
  receiptType: null,
  referenceMessageId: null,
  daticert: null,
  daticertError: null,
  rem: null,
} as const;
