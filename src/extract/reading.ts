import { type Budget, textFull } from './budget.ts';
import type { ExtractedText, Hint, Unreadable } from './types.ts';

/** A document that cannot be read; the message is the reason. */
export class UnreadableError extends Error {
  override name = 'UnreadableError';
}

/** Reads a document that lies in another. */
export type ReadNested = (bytes: Uint8Array, hint: Hint, reading: Reading) => Promise<void>;

interface Result {
  readonly pieces: string[];
  readonly unreadable: Unreadable[];
}

/** One document being read: where it lies, and where its text and its faults go. */
export class Reading {
  readonly budget: Budget;
  readonly path: string;
  readonly depth: number;
  readonly #result: Result;
  readonly #readNested: ReadNested;

  private constructor(budget: Budget, path: string, depth: number, result: Result, nested: ReadNested) {
    this.budget = budget;
    this.path = path;
    this.depth = depth;
    this.#result = result;
    this.#readNested = nested;
  }

  static outermost(budget: Budget, path: string, nested: ReadNested): Reading {
    return new Reading(budget, path, 0, { pieces: [], unreadable: [] }, nested);
  }

  get result(): ExtractedText {
    return { text: this.#result.pieces.join('\n'), unreadable: this.#result.unreadable };
  }

  /** No more text is taken: a reader may stop. */
  get full(): boolean {
    return this.budget.textFull;
  }

  add(text: string): void {
    if (text === '') return;
    const kept = this.budget.text(text);
    if (kept !== '') this.#result.pieces.push(kept);
    if (kept.length < text.length) this.fail(textFull(this.budget.limits));
  }

  fail(reason: string, inner = ''): void {
    const path = inner === '' ? this.path : join(this.path, inner);
    const said = this.#result.unreadable.some(note => note.path === path && note.reason === reason);
    if (!said && this.budget.note()) this.#result.unreadable.push({ path, reason });
  }

  /** Reads a document that lies in this one. Never throws. */
  async nested(bytes: Uint8Array, hint: Hint): Promise<void> {
    await this.inside(hint.name, reading => this.#readNested(bytes, hint, reading));
  }

  /** Reads octets as this very document, once they have been had. */
  async here(bytes: Uint8Array, hint: Hint): Promise<void> {
    await this.#readNested(bytes, hint, this);
  }

  /** Runs a reader on something that lies in this document. Never throws. */
  async inside(name: string | null, read: (reading: Reading) => Promise<void>): Promise<void> {
    const inner = new Reading(
      this.budget,
      join(this.path, name ?? '?'),
      this.depth + 1,
      this.#result,
      this.#readNested,
    );
    if (inner.depth >= this.budget.limits.depth) inner.fail('nested too deeply');
    else await inner.run(read);
  }

  /** Counts this as a document, runs its reader, and turns what it throws into a note. */
  async run(read: (reading: Reading) => Promise<void>): Promise<void> {
    const ordinal = this.budget.document();
    if (typeof ordinal === 'string') {
      this.fail(ordinal);
      return;
    }
    const outer = this.budget.current;
    const refused = this.budget.enter(ordinal);
    try {
      if (refused !== null) this.fail(refused);
      else await read(this);
    } catch (error) {
      this.fail(reasonOf(error));
    } finally {
      this.budget.back(outer);
    }
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof UnreadableError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `cannot be read: ${message.slice(0, 200)}`;
}
