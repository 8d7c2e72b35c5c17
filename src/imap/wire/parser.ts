import { SyntaxFailure } from '../errors.ts';
import { LIMITS } from './limits.ts';
import type { Segment } from './reader.ts';

const ATOM = /[^\s(){%*"\\\]\x00-\x1f\x7f-\uffff]/;
const ASTRING = /[^\s(){%*"\\\x00-\x1f\x7f-\uffff]/;
const LIST_CHAR = /[^\s(){"\\\x00-\x1f\x7f-\uffff]/;

/** One bound of a sequence set as written; null stands for `*`. */
export type SetBound = number | null;
/** `1:4,7,9:*` as written, or the saved result `$` (RFC 5182). */
export type SequenceSet = readonly (readonly [first: SetBound, last: SetBound])[] | '$';

/** A place in a command: the index of a text segment, and octets into it. */
export interface Mark {
  readonly segment: number;
  readonly at: number;
}

/**
 * A pull parser over a complete command (RFC 3501 section 9). Strings come back as the octets they are, one character
 * an octet (`latin1`); `utf8()` turns them into text. Every method throws SyntaxFailure on what the grammar forbids.
 */
export class Parser {
  readonly #segments: readonly Segment[];
  #segment = 0;
  #text: string;
  #at = 0;
  #depth = 0;

  /** @param skip characters at the start that have been understood already (tag and name) */
  constructor(segments: readonly Segment[], skip: number) {
    this.#segments = segments;
    this.#text = segments[0]?.octets.toString('latin1') ?? '';
    this.#at = skip;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length && this.#segment === this.#segments.length - 1;
  }

  /** The next character, or '' where the text ends or a literal begins. */
  get peek(): string {
    return this.#text[this.#at] ?? '';
  }

  /** What follows, up to a literal. */
  get rest(): string {
    return this.#text.slice(this.#at);
  }

  /** Whether the text goes on with `word`, in any case. */
  startsWith(word: string): boolean {
    return this.#text.slice(this.#at, this.#at + word.length).toUpperCase() === word.toUpperCase();
  }

  take(character: string): boolean {
    if (this.peek !== character || character === '') return false;
    this.#at++;
    return true;
  }

  expect(character: string): void {
    if (!this.take(character)) throw new SyntaxFailure(`Expected "${character}"`);
  }

  space(): void {
    this.expect(' ');
  }

  end(): void {
    // Some clients leave blanks at the end of a line.
    while (this.take(' '));
    if (!this.atEnd) throw new SyntaxFailure('Unexpected arguments');
  }

  atom(): string {
    return this.#run(ATOM, 'atom');
  }

  /** An atom in upper case: a keyword of the grammar. */
  keyword(): string {
    return this.atom().toUpperCase();
  }

  /** Characters as long as they are of a class. */
  run(characters: RegExp, what: string): string {
    return this.#run(characters, what);
  }

  number(maximum = 4_294_967_295): number {
    const digits = this.#run(/[0-9]/, 'number');
    const value = Number(digits);
    if (digits.length > 19 || value > maximum) throw new SyntaxFailure('Number out of range');
    return value;
  }

  /** MODSEQ values have 63 bits; Archivia's own stay far below 2^53, so a larger one is as good as infinite. */
  modseq(): number {
    return this.number(Number.POSITIVE_INFINITY);
  }

  /** Where the parser stands, for `since`. */
  get mark(): Mark {
    return { segment: this.#segment, at: this.#at };
  }

  /** What has been read since a mark, as it was written; null when a literal is part of it. */
  since(mark: Mark): string | null {
    return mark.segment === this.#segment ? this.#text.slice(mark.at, this.#at) : null;
  }

  get atString(): boolean {
    return this.peek === '"' || this.#atLiteral;
  }

  /** quoted / literal */
  string(): string {
    if (this.peek === '"') return this.#quoted();
    if (this.#atLiteral) return this.#literal();
    throw new SyntaxFailure('Expected string');
  }

  astring(): string {
    return this.atString ? this.string() : this.#run(ASTRING, 'string');
  }

  nstring(): string | null {
    if (this.atString) return this.string();
    if (this.atom().toUpperCase() !== 'NIL') throw new SyntaxFailure('Expected string or NIL');
    return null;
  }

  /** list-mailbox: an astring in which wildcards may stand. */
  listMailbox(): string {
    return this.atString ? this.string() : this.#run(LIST_CHAR, 'pattern');
  }

  /** `(item item ...)`, possibly empty. */
  list<T>(item: () => T): T[] {
    this.open();
    const items: T[] = [];
    while (!this.take(')')) {
      if (items.length > 0) this.space();
      items.push(item());
    }
    this.#depth--;
    return items;
  }

  open(): void {
    this.expect('(');
    if (++this.#depth > LIMITS.nesting) throw new SyntaxFailure('Too many parentheses');
  }

  close(): void {
    this.expect(')');
    this.#depth--;
  }

  /** `flag`: a keyword or a system flag with its backslash. */
  flag(): string {
    const system = this.take('\\');
    const name = this.atom();
    return system ? `\\${name}` : name;
  }

  sequenceSet(): SequenceSet {
    if (this.take('$')) return '$';
    const ranges: [SetBound, SetBound][] = [];
    do {
      const first = this.#setBound();
      ranges.push([first, this.take(':') ? this.#setBound() : first]);
    } while (this.take(','));
    return ranges;
  }

  #setBound(): SetBound {
    if (this.take('*')) return null;
    const value = this.number();
    if (value === 0) throw new SyntaxFailure('Zero is no message number');
    return value;
  }

  #run(characters: RegExp, what: string): string {
    const start = this.#at;
    while (this.#at < this.#text.length && characters.test(this.#text[this.#at] ?? '')) this.#at++;
    if (this.#at === start) throw new SyntaxFailure(`Expected ${what}`);
    return this.#text.slice(start, this.#at);
  }

  #quoted(): string {
    let value = '';
    for (let index = this.#at + 1; index < this.#text.length; index++) {
      const character = this.#text[index] ?? '';
      if (character === '"') {
        this.#at = index + 1;
        return value;
      }
      if (character === '\\') {
        const escaped = this.#text[++index] ?? '';
        if (escaped !== '"' && escaped !== '\\') throw new SyntaxFailure('Invalid escape in quoted string');
        value += escaped;
      } else if (character === '\r' || character === '\0') {
        throw new SyntaxFailure('Invalid character in quoted string');
      } else {
        value += character;
      }
    }
    throw new SyntaxFailure('Quoted string without end');
  }

  get #atLiteral(): boolean {
    return this.#at >= this.#text.length && this.#segments[this.#segment + 1]?.kind === 'literal';
  }

  #literal(): string {
    const literal = this.#segments[this.#segment + 1];
    const after = this.#segments[this.#segment + 2];
    if (literal === undefined || after === undefined) throw new SyntaxFailure('Literal without end');
    this.#segment += 2;
    this.#text = after.octets.toString('latin1');
    this.#at = 0;
    if (!literal.binary && literal.octets.includes(0)) throw new SyntaxFailure('NUL in literal');
    return literal.octets.toString('latin1');
  }
}

/** Octets as read by the parser, as UTF-8 text; null when they are not UTF-8. */
export function utf8(octets: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(octets, 'latin1'));
  } catch {
    return null;
  }
}
