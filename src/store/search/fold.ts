/**
 * What "the same text" means to SEARCH, in one place: case and the accents of the Latin, Greek and Cyrillic scripts are
 * disregarded (RFC 3501 asks for case only; accents are an addition). Index, scan and tests all go through here.
 */
import type { SearchText } from '../../mime/types.ts';
import { MAX_TEXT_CHARS } from '../limits.ts';

export interface TextColumns {
  readonly subject: string;
  readonly sender: string;
  readonly recipient: string;
  readonly cc: string;
  readonly bcc: string;
  /** One field a line, `name: value`. */
  readonly header: string;
  readonly body: string;
}
export type TextColumn = keyof TextColumns;

export const NO_TEXT: TextColumns = {
  subject: '',
  sender: '',
  recipient: '',
  cc: '',
  bcc: '',
  header: '',
  body: '',
};

const ASCII = /^[\x01-\x7f]*$/;

/**
 * Folding does not depend on what stands around a character (but for the composition of marks), so that a substring of
 * a text folds to a substring of the folded text.
 */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return (
    text
      .toWellFormed()
      // What the index tells its tokens apart by.
      .replaceAll(/[\0\uffff]/g, '\ufffd')
      // As i;unicode-casemap decomposes (RFC 5051), so that what is equal there is equal here.
      .normalize('NFKD')
      // Upper case first: it takes ß, ligatures and final sigma to what they are equal to.
      .toUpperCase()
      .toLowerCase()
      .replaceAll('ς', 'σ')
      .normalize('NFD')
      .replace(/[\u0300-\u036f]/g, '')
      .normalize('NFC')
  );
}

export function foldColumns(text: SearchText): TextColumns {
  const column = (value: string): string => fold(value.slice(0, MAX_TEXT_CHARS));
  return {
    subject: column(text.subject),
    sender: column(text.from),
    recipient: column(text.to),
    cc: column(text.cc),
    bcc: column(text.bcc),
    header: column(text.header),
    body: column(text.body),
  };
}

/** Whether folded text holds a needle. An empty needle is in every text. */
export function matches(folded: string, needle: string): boolean {
  return folded.includes(fold(needle));
}

/** Whether a field of that name is in the folded header and its value holds the needle. */
export function headerMatches(foldedHeader: string, field: string, needle: string): boolean {
  const name = `${fold(field)}:`;
  const wanted = fold(needle);
  for (let start = 0; start < foldedHeader.length; ) {
    const end = foldedHeader.indexOf('\n', start);
    const stop = end === -1 ? foldedHeader.length : end;
    if (foldedHeader.startsWith(name, start)) {
      const value = foldedHeader.slice(start + name.length, stop).trim();
      if (value.includes(wanted)) return true;
    }
    start = stop + 1;
  }
  return false;
}
