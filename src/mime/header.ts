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
  const lengths = wanted && lengthsOf(wanted);
  const stop = Math.min(end, start + LIMITS.header);
  let position = start;
  while (position < stop && fields.length < LIMITS.fields && !isBlankLine(buffer, position, end)) {
    const firstLine = lineEnd(buffer, position, end);
    let next = firstLine;
    while (next < end && (buffer[next] === SPACE || buffer[next] === TAB)) next = lineEnd(buffer, next, end);
    const length = nameLength(buffer, position, firstLine);
    if (length > 0 && (!lengths || lengths.has(length))) {
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

const knownLengths = new WeakMap<ReadonlySet<string>, ReadonlySet<number>>();

/** How long the names of a set are: most fields are told apart by that. */
function lengthsOf(names: ReadonlySet<string>): ReadonlySet<number> {
  let lengths = knownLengths.get(names);
  if (!lengths) {
    lengths = new Set([...names].map(name => name.length));
    knownLengths.set(names, lengths);
  }
  return lengths;
}

/** Copies the chosen parts of a header to where the caller has room for them. */
export type HeaderFilter = (header: Uint8Array, room: (length: number) => Uint8Array) => Uint8Array;

/**
 * Makes a filter for the part of a header that HEADER.FIELDS or HEADER.FIELDS.NOT asks for (RFC 3501 section 6.4.5):
 * the original bytes in the original order, then the blank line if the header has one. Made once for many messages:
 * it compares octets where they are.
 */
export function headerFilter(fields: readonly string[], not: boolean): HeaderFilter {
  const names = new Map<number, Uint8Array[]>();
  for (const field of new Set(fields.map(name => name.toLowerCase()))) {
    const name = Buffer.from(field, 'latin1');
    names.set(name.length, [...(names.get(name.length) ?? []), name]);
  }
  // Begin and end of what is kept, pair by pair.
  const kept: number[] = [];
  return (header, room) => {
    const buffer = asBuffer(header);
    const end = buffer.length;
    kept.length = 0;
    let total = 0;
    const keep = (from: number, to: number): void => {
      total += to - from;
      if (kept.at(-1) === from) kept[kept.length - 1] = to;
      else kept.push(from, to);
    };
    let position = 0;
    while (position < end && !isBlankLine(buffer, position, end)) {
      const firstLine = lineEnd(buffer, position, end);
      let next = firstLine;
      while (next < end && (buffer[next] === SPACE || buffer[next] === TAB)) next = lineEnd(buffer, next, end);
      const length = nameLength(buffer, position, firstLine);
      const candidates = length > 0 ? names.get(length) : undefined;
      const named = candidates?.some(name => isNamed(buffer, position, name)) ?? false;
      if (named !== not) keep(position, next);
      position = next;
    }
    keep(position, end);
    const out = room(total);
    let at = 0;
    for (let index = 0; index < kept.length; index += 2) {
      const part = buffer.subarray(kept[index], kept[index + 1]);
      out.set(part, at);
      at += part.length;
    }
    return out;
  };
}

/** Whether the octets at `position` are that name, in any case. @param name lower case */
function isNamed(buffer: Buffer, position: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    const octet = buffer[position + index] ?? 0;
    if ((octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet) !== name[index]) return false;
  }
  return true;
}

/** One header filtered. */
export function filterHeader(header: Uint8Array, fields: readonly string[], not: boolean): Uint8Array {
  return headerFilter(fields, not)(header, length => new Uint8Array(length));
}
