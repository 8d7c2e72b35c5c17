import { Boundaries } from './boundaries.ts';
import { type ContentFields, contentFields, isMessageType } from './content.ts';
import { asBuffer, isBlankLine, lineEnd, trimBlanks } from './header.ts';
import { LIMITS } from './limits.ts';
import { parameter } from './structured.ts';
import type { MimeNode } from './types.ts';

/** A node whose end has not been seen yet. */
interface Open {
  readonly headerStart: number;
  readonly inDigest: boolean;
  bodyStart: number;
  /** Line feeds before bodyStart. */
  bodyLine: number;
  content: ContentFields | null;
  readonly children: MimeNode[];
}

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;

/**
 * One pass over a message: at every moment a stack of open nodes and the set of their boundaries. A line that begins
 * with two dashes is held against all open boundaries at once, so the time is linear whatever the message says.
 */
class Scanner {
  readonly #raw: Buffer;
  readonly #stack: Open[] = [];
  readonly #boundaries = new Boundaries();
  #position = 0;
  /** Line feeds before #position. */
  #line = 0;
  #nodes = 0;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  scan(): MimeNode {
    this.#push(false);
    let inHeader = true;
    while (this.#position < this.#raw.length) {
      const delimiter = inHeader ? this.#header() : this.#body();
      if (delimiter) inHeader = this.#delimiter(delimiter.level, delimiter.end);
      else if (inHeader) inHeader = this.#headerDone();
    }
    const top = this.#top;
    if (!top.content) this.#enterBody(top);
    while (this.#stack.length > 1) this.#pop(this.#raw.length, this.#line);
    return this.#finish(this.#top, this.#raw.length, this.#line);
  }

  get #top(): Open {
    const top = this.#stack.at(-1);
    if (!top) throw new Error('the stack of open nodes is empty');
    return top;
  }

  #push(inDigest: boolean): void {
    this.#nodes++;
    this.#stack.push({
      headerStart: this.#position,
      inDigest,
      bodyStart: this.#position,
      bodyLine: this.#line,
      content: null,
      children: [],
    });
  }

  /** The open boundary that the line at `position` is a delimiter of. */
  #delimiterAt(position: number): { readonly level: number; readonly end: number } | null {
    if (this.#raw[position] !== DASH || this.#raw[position + 1] !== DASH || this.#boundaries.size === 0) return null;
    return this.#boundaries.match(this.#raw, position + 2);
  }

  /** Reads header lines up to the blank line or a delimiter; at that the position stays on the delimiter line. */
  #header(): { readonly level: number; readonly end: number } | null {
    const raw = this.#raw;
    while (this.#position < raw.length) {
      const delimiter = this.#delimiterAt(this.#position);
      if (delimiter) return delimiter;
      const blank = isBlankLine(raw, this.#position, raw.length);
      this.#nextLine();
      if (blank) return null;
    }
    return null;
  }

  /** Reads body lines up to a delimiter or the end. */
  #body(): { readonly level: number; readonly end: number } | null {
    const raw = this.#raw;
    const end = raw.length;
    let position = this.#position;
    let line = this.#line;
    let found = this.#delimiterAt(position);
    while (!found && position < end) {
      // Counting and looking for dashes in one plain loop beats a native search for each line.
      while (position < end && raw[position] !== LF) position++;
      if (position >= end) break;
      line++;
      position++;
      if (raw[position] === DASH) found = this.#delimiterAt(position);
    }
    this.#position = position;
    this.#line = line;
    return found;
  }

  #nextLine(): void {
    const next = lineEnd(this.#raw, this.#position, this.#raw.length);
    if (this.#raw[next - 1] === LF) this.#line++;
    this.#position = next;
  }

  #enterBody(node: Open): ContentFields {
    node.bodyStart = this.#position;
    node.bodyLine = this.#line;
    node.content = contentFields(this.#raw, node.headerStart, node.bodyStart, node.inDigest);
    return node.content;
  }

  /** The top node's header is complete. Tells whether a header follows at once, that of an embedded message. */
  #headerDone(): boolean {
    const content = this.#enterBody(this.#top);
    // A child must still fit under both limits, else this node is a leaf.
    if (this.#stack.length >= LIMITS.depth || this.#nodes >= LIMITS.parts) return false;
    if (isMessageType(content)) {
      this.#push(false);
      return true;
    }
    if (content.type === 'multipart') {
      const boundary = trimBlanks(parameter(content.contentType?.parameters ?? [], 'boundary') ?? '', 'end');
      if (boundary !== '') {
        this.#boundaries.open(this.#stack.length - 1, Buffer.from(boundary.slice(0, LIMITS.boundary), 'latin1'));
      }
    }
    return false;
  }

  /** The position is on a delimiter line of `level`. Tells whether a part's header follows. */
  #delimiter(level: number, end: number): boolean {
    const closing = this.#raw[end] === DASH && this.#raw[end + 1] === DASH;
    if (!closing && this.#nodes >= LIMITS.parts) {
      // No more parts: what follows belongs to the last one.
      this.#boundaries.clear();
      return this.#top.content === null;
    }
    const lineStart = this.#position;
    let bodyEnd = lineStart;
    let line = this.#line;
    // The line break before the delimiter belongs to it (RFC 2046 section 5.1.1).
    if (this.#raw[bodyEnd - 1] === LF) {
      bodyEnd--;
      line--;
      if (this.#raw[bodyEnd - 1] === CR) bodyEnd--;
    }
    if (!this.#top.content) this.#enterBody(this.#top);
    while (this.#stack.length > level + 1) this.#pop(bodyEnd, line);
    this.#nextLine();
    if (closing) {
      this.#boundaries.close(level);
      return false;
    }
    this.#push(this.#top.content?.subtype === 'digest');
    return true;
  }

  /** Closes the top node at `bodyEnd`. */
  #pop(bodyEnd: number, line: number): void {
    const node = this.#finish(this.#top, bodyEnd, line);
    this.#stack.pop();
    this.#boundaries.close(this.#stack.length);
    this.#top.children.push(node);
  }

  #finish(open: Open, bodyEnd: number, line: number): MimeNode {
    const content = open.content ?? this.#enterBody(open);
    // An empty body has no line break to give to the delimiter; nor has one whose last child is empty.
    const end = Math.max(bodyEnd, open.bodyStart, open.children.at(-1)?.bodyEnd ?? 0);
    return {
      headerStart: open.headerStart,
      bodyStart: open.bodyStart,
      bodyEnd: end,
      bodyLines: (end === bodyEnd ? line : line + 1) - open.bodyLine,
      type: content.type,
      subtype: content.subtype,
      parameters: content.contentType?.parameters ?? [],
      id: content.id,
      description: content.description,
      encoding: content.encoding,
      md5: content.md5,
      disposition: content.disposition?.value || undefined,
      dispositionParameters: content.disposition?.value ? content.disposition.parameters : [],
      language: content.language,
      location: content.location,
      children: open.children,
    };
  }
}

/**
 * The MIME tree of a message with exact offsets. Never throws, and takes time linear in the size; beyond the limits of
 * `limits.ts` a node is a leaf. Line breaks may be CRLF, LF or a mixture.
 */
export function scanMessage(raw: Uint8Array): MimeNode {
  return new Scanner(asBuffer(raw)).scan();
}
