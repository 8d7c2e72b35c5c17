import { LIMITS } from './limits.ts';

/** One header field (RFC 5322 section 2.2). Offsets are octets from the start of `raw`, the final line break included. */
export interface HeaderField {
  /** As written, without the colon. */
  readonly name: string;
  /** Unfolded, each fold as one space, and trimmed; one character an octet (latin1). */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** End of the line that starts at `position`, its line break included. */
export function lineEnd(raw: Buffer, position: number, end: number): number {
  const newline = raw.indexOf(LF, position);
  return newline < 0 || newline >= end ? end : newline + 1;
}

/** Whether the line at `position` is empty: LF or CRLF. */
export function isBlankLine(raw: Buffer, position: number, end: number): boolean {
  return (
    position < end && (raw[position] === LF || (raw[position] === CR && position + 1 < end && raw[position + 1] === LF))
  );
}

/** End of the field that starts at `position`: its first line and the folded ones after it (RFC 5322 section 2.2.3). */
export function fieldEnd(raw: Buffer, position: number, end: number): number {
  let next = lineEnd(raw, position, end);
  while (next < end && (raw[next] === SPACE || raw[next] === TAB)) next = lineEnd(raw, next, end);
  return next;
}

/** Octets of the name of the field at `position`, or -1 when the line is no field. Blanks before the colon are allowed. */
function nameLength(raw: Buffer, position: number, end: number): number {
  let length = 0;
  for (let i = position; i < end; i++) {
    const octet = raw[i];
    if (octet === COLON) return length > 0 ? length : -1;
    if (octet === SPACE || octet === TAB) continue;
    // A character after a blank: the blank was inside the name.
    if (octet === undefined || octet < SPACE || octet === 0x7f || length !== i - position) return -1;
    length++;
  }
  return -1;
}

/** Puts a folded value on one line, each fold as one space as Dovecot shows it; what is beyond the limit is dropped. */
export function unfold(raw: Buffer, start: number, end: number, limit: number = LIMITS.field): string {
  const text = raw.toString('latin1', start, Math.min(end, start + limit));
  return trimBlanks(text.includes('\n') ? text.replace(/\r?\n[ \t]*/g, ' ') : text);
}

/** Without blanks at either end, or at the last only. Not `trim`, which takes the octet A0, half of a UTF-8 `à`, for a blank. */
export function trimBlanks(text: string, where: 'both' | 'end' = 'both'): string {
  let start = 0;
  let end = text.length;
  while (where === 'both' && start < end && text.charCodeAt(start) <= SPACE) start++;
  while (end > start && text.charCodeAt(end - 1) <= SPACE) end--;
  return text.slice(start, end);
}

/**
 * The fields between `start` and `end`, in order; stops at the blank line. Lines that are no field are passed over.
 * With `wanted` (lower case) only fields of these names are read.
 */
export function headerFields(raw: Uint8Array, start: number, end: number, wanted?: ReadonlySet<string>): HeaderField[] {
  const buffer = asBuffer(raw);
  const fields: HeaderField[] = [];
  let position = start;
  while (position < end && fields.length < LIMITS.fields && !isBlankLine(buffer, position, end)) {
    const firstLine = lineEnd(buffer, position, end);
    const next = fieldEnd(buffer, position, end);
    const length = nameLength(buffer, position, firstLine);
    if (length > 0) {
      const name = buffer.toString('latin1', position, position + length);
      if (!wanted || wanted.has(name.toLowerCase())) {
        const colon = buffer.indexOf(COLON, position + length);
        fields.push({ name, value: unfold(buffer, colon + 1, next), start: position, end: next });
      }
    }
    position = next;
  }
  return fields;
}

/**
 * The part of a header that HEADER.FIELDS or HEADER.FIELDS.NOT asks for (RFC 3501 section 6.4.5): the original bytes
 * in the original order, then the blank line if the header has one.
 */
export function filterHeader(header: Uint8Array, fields: readonly string[], not: boolean): Uint8Array {
  const buffer = asBuffer(header);
  const names = new Set(fields.map(field => field.toLowerCase()));
  const kept: Buffer[] = [];
  let position = 0;
  while (position < buffer.length && !isBlankLine(buffer, position, buffer.length)) {
    const next = fieldEnd(buffer, position, buffer.length);
    const length = nameLength(buffer, position, lineEnd(buffer, position, buffer.length));
    const named = length > 0 && names.has(buffer.toString('latin1', position, position + length).toLowerCase());
    if (named !== not) kept.push(buffer.subarray(position, next));
    position = next;
  }
  kept.push(buffer.subarray(position));
  return Buffer.concat(kept);
}
