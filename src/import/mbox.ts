/**
 * mbox files, of any size. A message begins after a line `From ...` that is the first of the file or follows an empty
 * line; that empty line belongs to the file, not to the message. So that a message's own text is not taken for such a
 * line, it has to look as the file's first one does: where that one has a time and a year, so must the others.
 *
 * Unquoting, by the `quoting` that the caller knows (mboxrd, the usual one, unless he says otherwise): `mboxrd` takes one
 * `>` from every line `>From `, `>>From `, ...; `mboxo` from `>From ` alone; `none` from none. Anything else of a message
 * stays as it is: Content-Length, Status and X-Mozilla fields are neither believed nor removed.
 */
import { createReadStream } from 'node:fs';
import type { Incoming, Reading } from './types.ts';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x3e;
const CHUNK = 1024 * 1024;
/** A line that is longer is passed on in pieces. */
const MAX_LINE = 4 * 1024 * 1024;
const DATED = /\d{1,2}:\d\d.*\d{4}/;
const MARK = 'From ';
const MAX_SEPARATOR = 1000;

type Event =
  | { readonly kind: 'start'; readonly offset: number; readonly line: string }
  | { readonly kind: 'data'; readonly octets: Buffer };

export async function* readMbox(
  path: string,
  quoting: Reading['quoting'],
  read: (octets: number) => void,
): AsyncGenerator<Incoming> {
  const events = mboxEvents(path, quoting, read);
  let next = await events.next();
  while (next.done !== true) {
    if (next.value.kind === 'data') {
      // What stands before the first message is none.
      next = await events.next();
      continue;
    }
    const { offset, line } = next.value;
    const content = async function* (): AsyncGenerator<Buffer> {
      for (next = await events.next(); next.done !== true && next.value.kind === 'data'; next = await events.next()) {
        yield next.value.octets;
      }
    };
    yield { place: `${path} at ${offset}`, flags: [], date: separatorDate(line), content: content() };
    // A reader that gave up in between.
    while (next.done !== true && (next.value.kind === 'data' || next.value.offset === offset))
      next = await events.next();
  }
}

/** `From a@b.example Tue Nov  3 10:20:30 2026`: asctime, in UTC as far as anybody knows. */
function separatorDate(line: string): number | null {
  const [, month, day, time, year] = /([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d(?::\d\d)?) .*?(\d{4})/.exec(line) ?? [];
  const at = month === undefined ? Number.NaN : Date.parse(`${day} ${month} ${year} ${time} GMT`);
  return Number.isNaN(at) ? null : at;
}

async function* mboxEvents(
  path: string,
  quoting: Reading['quoting'],
  read: (octets: number) => void,
): AsyncGenerator<Event> {
  const splitter = new Splitter(quoting);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    yield* splitter.push(chunk);
    read(chunk.length);
  }
  yield* splitter.end();
}

/** Looks for `From ` only: everything between two finds is passed on as it is. */
class Splitter {
  readonly #quoting: Reading['quoting'];
  #held: Buffer = Buffer.alloc(0);
  /** Octets before `held`. */
  #offset = 0;
  /** `held` begins with a line. */
  #atLineStart = true;
  #dated: boolean | null = null;

  constructor(quoting: Reading['quoting']) {
    this.#quoting = quoting;
  }

  push(chunk: Buffer): Event[] {
    const octets = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    // Up to the last line break, without the empty lines before it: they may belong to a separator.
    let end = octets.lastIndexOf(LF) + 1;
    while (end > 0 && this.#blankBefore(octets, end) >= 0) end = this.#blankBefore(octets, end);
    if (end === 0 && octets.length > MAX_LINE) end = octets.length - MARK.length - 1;
    return this.#take(octets, end);
  }

  end(): Event[] {
    const octets = this.#held;
    const blank = this.#blankBefore(octets, octets.length);
    return this.#take(octets, blank < 0 ? octets.length : blank);
  }

  #take(octets: Buffer, end: number): Event[] {
    const events: Event[] = [];
    let from = 0;
    // One event for all between two separators, however often a mark is taken from it.
    let pieces: Buffer[] = [];
    const keep = (to: number): void => {
      if (to > from) pieces.push(octets.subarray(from, to));
    };
    const pass = (to: number): void => {
      keep(to);
      const [only] = pieces;
      if (only !== undefined) events.push({ kind: 'data', octets: pieces.length === 1 ? only : Buffer.concat(pieces) });
      pieces = [];
    };
    for (let at = octets.indexOf(MARK); at >= 0 && at < end; at = octets.indexOf(MARK, at + 1)) {
      let start = at;
      while (start > 0 && octets[start - 1] === QUOTE) start -= 1;
      if (start === 0 ? !this.#atLineStart : octets[start - 1] !== LF) continue;
      if (start < at) {
        const quoted = this.#quoting === 'mboxrd' || (this.#quoting === 'mboxo' && at - start === 1);
        if (!quoted) continue;
        keep(start);
        from = start + 1;
        continue;
      }
      const next = octets.indexOf(LF, at) + 1;
      const line = octets.toString('latin1', at, Math.min(next === 0 ? octets.length : next, at + MAX_SEPARATOR));
      const blank = this.#offset + at === 0 ? 0 : this.#blankBefore(octets, at);
      if (blank < 0 || next === 0 || !this.#looksRight(line)) continue;
      pass(blank);
      events.push({ kind: 'start', offset: this.#offset + at, line });
      from = next;
    }
    pass(end);
    if (end > 0) this.#atLineStart = octets[end - 1] === LF;
    this.#offset += end;
    this.#held = octets.subarray(end);
    return events;
  }

  #looksRight(line: string): boolean {
    this.#dated ??= DATED.test(line);
    return !this.#dated || DATED.test(line);
  }

  /** Where the empty line that ends at `end` begins; -1 when there is none. */
  #blankBefore(octets: Buffer, end: number): number {
    if (end === 0 || octets[end - 1] !== LF) return -1;
    const start = end > 1 && octets[end - 2] === CR ? end - 2 : end - 1;
    return (start === 0 ? this.#atLineStart : octets[start - 1] === LF) ? start : -1;
  }
}
