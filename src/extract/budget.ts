import { LIMITS, type Limits } from './limits.ts';

/** What a message may still use; survives the process that reads it. */
export interface Allowance {
  documents: number;
  inflated: number;
  text: number;
  notes: number;
  /** Milliseconds. */
  time: number;
}

/** Told which document is being read, innermost last. */
export interface Progress {
  /** The number of the document that is entered, counted from 0; a reason when it must not be read. */
  enter(ordinal: number): string | null;
  /** The document that is gone on with; null after the outermost. */
  back(ordinal: number | null): void;
}

const NO_PROGRESS: Progress = { enter: () => null, back: () => {} };

/** Milliseconds of processor time of this process. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What the documents of one message share: limits, what is left of them, and who is told. */
export class Budget {
  readonly limits: Limits;
  readonly #progress: Progress;
  readonly #left: Allowance;
  readonly #since = processorTime();
  #ordinal = 0;
  #current: number | null = null;

  constructor(limits: Limits = LIMITS, left: Allowance = allowance(limits), progress: Progress = NO_PROGRESS) {
    this.limits = limits;
    this.#left = { ...left };
    this.#progress = progress;
  }

  get left(): Allowance {
    return { ...this.#left, time: this.#left.time - (processorTime() - this.#since) };
  }

  get outOfTime(): boolean {
    return this.left.time <= 0;
  }

  get textFull(): boolean {
    return this.#left.text <= 0;
  }

  get inflatable(): number {
    return this.#left.inflated;
  }

  /** The number of one more document, or why there may not be one. */
  document(): number | string {
    if (this.#left.documents <= 0) return `more than ${this.limits.documents} documents`;
    if (this.outOfTime) return 'the time for this message is used up';
    if (this.textFull) return textFull(this.limits);
    this.#left.documents--;
    return this.#ordinal++;
  }

  /** The document being read, innermost; null between documents. */
  get current(): number | null {
    return this.#current;
  }

  /** A reason when that document must not be read. */
  enter(ordinal: number): string | null {
    this.#current = ordinal;
    return this.#progress.enter(ordinal);
  }

  /** Goes on with the document around the one that ends. */
  back(outer: number | null): void {
    this.#current = outer;
    this.#progress.back(outer);
  }

  inflate(octets: number): void {
    this.#left.inflated -= octets;
  }

  /** As much of the text as may be kept. */
  text(text: string): string {
    const kept = text.slice(0, Math.max(0, this.#left.text));
    this.#left.text -= kept.length;
    return kept;
  }

  /** Whether one more note may be kept. */
  note(): boolean {
    return this.#left.notes-- > 0;
  }
}

export function textFull(limits: Limits): string {
  return `text beyond ${limits.text} characters is not searched`;
}

export function allowance(limits: Limits): Allowance {
  return {
    documents: limits.documents,
    inflated: limits.inflated,
    text: limits.text,
    notes: limits.notes,
    time: limits.messageMs,
  };
}
