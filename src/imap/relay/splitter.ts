import { LIMITS } from '../wire/limits.ts';
import { literalMark } from '../wire/literal.ts';

/** Takes one response apart as it comes: lines without line break, and literals in pieces. */
export interface ResponseSink {
  /** A line of the response, to keep; `literal` octets follow it when not null. */
  line(text: Buffer, literal: number | null): void;
  /** A piece of a literal, to keep; a promise holds the upstream up until it resolves. */
  data(octets: Buffer): Promise<void> | undefined;
  /** The response is complete; a promise holds the upstream up until it resolves. */
  end(): Promise<void> | undefined;
}

/** What becomes of a response: to the client as it is, nowhere, or to one of ours. */
export type Disposition = 'forward' | 'drop' | ResponseSink;

export interface SplitterTarget {
  /** Octets for the client, unchanged and in order; they are others' when this returns. */
  forward(octets: Buffer): void;
  /** Decides on a response by its first line, which may be kept. May write to the client itself and answer `drop`. */
  decide(line: Buffer): Disposition;
  /** Whether `* <number> ...` may go to the client without asking `decide`: the fast path of mailbox data. */
  transparent(): boolean;
  /** All holds are gone and what had piled up has been dealt with. */
  ready(): void;
  failed(error: Error): void;
}

const LF = 0x0a;
const CR = 0x0d;
const ASTERISK = 0x2a;
const PLUS = 0x2b;
const SPACE = 0x20;
const CLOSING_BRACE = 0x7d;

/**
 * Finds where responses begin and end in what the upstream sends, by lines and literals alone (RFC 3501 section 4.3),
 * and copies nothing that is merely passed on: a run of responses for the client is one slice of the socket's chunk.
 * What waits or goes elsewhere is copied, so that the chunk's memory is free for the next.
 */
export class ResponseSplitter {
  readonly #target: SplitterTarget;
  #pending: Buffer = Buffer.alloc(0);
  /** What has come since nothing is looked at. */
  #waiting: Buffer[] = [];
  /** Octets of `#pending` known to hold no line end. */
  #scanned = 0;
  #literalLeft = 0;
  /** The next line belongs to the response that a literal interrupted. */
  #continued = false;
  #disposition: Disposition = 'drop';
  #holds = 0;
  #running = false;
  #failed = false;

  constructor(target: SplitterTarget) {
    this.#target = target;
  }

  get held(): boolean {
    return this.#holds > 0;
  }

  /** Whether no response has been begun that is not complete. */
  get atBoundary(): boolean {
    return this.#literalLeft === 0 && !this.#continued;
  }

  /** Whether all octets so far have been dealt with. */
  get empty(): boolean {
    return this.atBoundary && this.#pending.length === 0 && this.#waiting.length === 0;
  }

  /** The octets may be written over when this returns. */
  push(chunk: Buffer): void {
    if (this.#failed) return;
    if (this.#holds > 0) {
      this.#waiting.push(Buffer.from(chunk));
      return;
    }
    this.#append([chunk]);
    this.#run();
  }

  #append(chunks: readonly Buffer[]): void {
    const only = this.#pending.length === 0 && chunks.length === 1 ? chunks[0] : undefined;
    this.#pending = only ?? Buffer.concat([this.#pending, ...chunks]);
  }

  /** Nothing more is looked at until `release` has been called as often. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.#run();
    if (this.#holds === 0) this.#target.ready();
  }

  /**
   * The upstream closed. A tagged answer that lacks only its line break counts as one. Of anything else the client gets
   * what there is of it where a folder of the upstream's is open, and nothing may follow; elsewhere it is dropped.
   */
  finish(): void {
    const rest = this.#pending;
    if (rest.length === 0 || this.#literalLeft > 0 || this.#failed || this.held) return;
    const untagged = this.#continued || rest[0] === ASTERISK || rest[0] === PLUS;
    if (!untagged) {
      this.push(Buffer.from(rest[rest.length - 1] === CR ? '\n' : '\r\n'));
      return;
    }
    this.#pending = Buffer.alloc(0);
    if (!this.#continued) {
      if (!this.#target.transparent()) return;
      this.#disposition = isMailboxData(rest) ? 'forward' : this.#target.decide(rest);
    }
    if (this.#disposition !== 'forward') return;
    this.#continued = true;
    this.#target.forward(rest);
  }

  #run(): void {
    // `decide` may release a hold: the loop below goes on by itself.
    if (this.#running || this.#failed) return;
    this.#running = true;
    try {
      this.#split();
      while (this.#holds === 0 && this.#waiting.length > 0) {
        this.#append(this.#waiting.splice(0));
        this.#split();
      }
    } catch (error) {
      this.#failed = true;
      this.#pending = Buffer.alloc(0);
      this.#waiting = [];
      this.#target.failed(error as Error);
    } finally {
      this.#running = false;
    }
  }

  #split(): void {
    const chunk = this.#pending;
    let at = 0;
    let forwardFrom = 0;
    const flush = () => {
      if (at > forwardFrom) this.#target.forward(chunk.subarray(forwardFrom, at));
      forwardFrom = at;
    };
    while (at < chunk.length && this.#holds === 0) {
      if (this.#literalLeft > 0) {
        const length = Math.min(this.#literalLeft, chunk.length - at);
        if (this.#disposition !== 'forward') flush();
        const piece = chunk.subarray(at, at + length);
        at += length;
        this.#literalLeft -= length;
        if (this.#disposition !== 'forward') {
          forwardFrom = at;
          if (this.#disposition !== 'drop') this.#holdFor(this.#disposition.data(Buffer.from(piece)));
        }
        continue;
      }
      const lineFeed = chunk.indexOf(LF, at + this.#scanned);
      if (lineFeed === -1) {
        this.#scanned = chunk.length - at;
        if (this.#scanned > LIMITS.upstreamLine) throw new Error('upstream line too long');
        break;
      }
      this.#scanned = 0;
      const text = chunk.subarray(at, lineFeed > at && chunk[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed);
      const mayHold = text[text.length - 1] === CLOSING_BRACE && (this.#continued || mayHoldLiteral(text));
      const mark = mayHold ? literalMark(text) : null;
      if (!this.#continued) {
        if (this.#target.transparent() && isMailboxData(text)) {
          this.#disposition = 'forward';
        } else {
          flush();
          this.#disposition = this.#target.decide(Buffer.from(text));
        }
      }
      if (this.#disposition !== 'forward') flush();
      at = lineFeed + 1;
      this.#continued = mark !== null;
      this.#literalLeft = mark?.size ?? 0;
      if (this.#disposition !== 'forward') {
        forwardFrom = at;
        if (this.#disposition !== 'drop') {
          this.#disposition.line(Buffer.from(text), mark?.size ?? null);
          if (mark === null) this.#holdFor(this.#disposition.end());
        }
      }
    }
    flush();
    this.#pending = Buffer.from(chunk.subarray(at));
  }

  #holdFor(work: Promise<void> | undefined): void {
    if (work === undefined) return;
    this.hold();
    work.then(
      () => this.release(),
      error => this.#target.failed(error as Error),
    );
  }
}

/** What a status response says behind its code is text, whatever it looks like (RFC 3501 section 9, `resp-text`). */
function mayHoldLiteral(line: Buffer): boolean {
  if (isMailboxData(line)) return true;
  const text = line.toString('latin1');
  const status = /^(?:\+|\S+ (?:OK|NO|BAD|BYE|PREAUTH))(?: (.*))?$/is.exec(text);
  return status === null || /^\[[^\]]*$/.test(status[1] ?? '');
}

/** `* 12 FETCH ...`, `* 3 EXISTS`: the bulk of what an upstream says. */
function isMailboxData(line: Buffer): boolean {
  const digit = line[2];
  return line[0] === ASTERISK && line[1] === SPACE && digit !== undefined && digit >= 0x30 && digit <= 0x39;
}
