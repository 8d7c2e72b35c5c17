/** Text of messages' attachments, read in processes of their own. */
import type { MimeNode } from '../mime/types.ts';
import { allowance } from './budget.ts';
import { LIMITS, type Limits, PROCESS_LIMITS, type ProcessLimits } from './limits.ts';
import { ReadingProcess } from './process.ts';
import type { Answer, Source, Task } from './protocol.ts';
import type { MessageText } from './types.ts';

export interface ExtractorOptions {
  /** Other limits than the usual ones. */
  readonly limits?: Partial<Limits>;
  readonly processLimits?: Partial<ProcessLimits>;
}

export interface Extractor {
  /**
   * The text of a message's attachments, at every depth. `raw`: the file of the message, to be preferred, or its octets.
   * `root`: its MIME tree, when known. What cannot be read, hangs or crashes is told in the result and costs nothing but
   * itself. Rejects only when the file cannot be read, no process can be started, or the extractor is closed: then the
   * message should be tried again.
   */
  extract(raw: Uint8Array | { readonly path: string }, root?: MimeNode): Promise<MessageText>;
  /** Ends the processes; what is being extracted rejects. */
  close(): Promise<void>;
}

export function createExtractor(options: ExtractorOptions = {}): Extractor {
  return new Pool({ ...LIMITS, ...options.limits }, { ...PROCESS_LIMITS, ...options.processLimits });
}

class Pool implements Extractor {
  readonly #limits: Limits;
  readonly #processLimits: ProcessLimits;
  readonly #idle: ReadingProcess[] = [];
  readonly #all = new Set<ReadingProcess>();
  readonly #waiting: (() => void)[] = [];
  #working = 0;
  #closed = false;

  constructor(limits: Limits, processLimits: ProcessLimits) {
    this.#limits = limits;
    this.#processLimits = processLimits;
  }

  async extract(raw: Uint8Array | { readonly path: string }, root?: MimeNode): Promise<MessageText> {
    await this.#enter();
    try {
      const source: Source = raw instanceof Uint8Array ? { bytes: raw } : { path: raw.path };
      return await this.#extract(source, root ?? null);
    } finally {
      this.#leave();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const go of this.#waiting.splice(0)) go();
    await Promise.all([...this.#all].map(reader => reader.close()));
  }

  /** Goes on in a new process, after the leaf or without the document that cost the last one. */
  async #extract(source: Source, root: MimeNode | null): Promise<MessageText> {
    const record = new Record(this.#limits);
    for (let restarts = 0; ; restarts++) {
      this.#mayRun();
      const reader = this.#take();
      const end = await reader
        .run(record.task(source, root), answer => record.take(answer))
        .finally(() => this.#putBack(reader));
      if (end.done) return record.result;
      this.#mayRun();
      const hopeless = restarts >= this.#processLimits.restarts;
      if (!record.survive(end.reason, hopeless)) return record.result;
    }
  }

  #mayRun(): void {
    if (this.#closed) throw new Error('the extractor is closed');
  }

  async #enter(): Promise<void> {
    this.#mayRun();
    if (this.#working < this.#processLimits.processes) this.#working++;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#working--;
  }

  #take(): ReadingProcess {
    for (let reader = this.#idle.pop(); reader; reader = this.#idle.pop()) {
      if (!reader.ended) return reader;
      this.#all.delete(reader);
    }
    const reader = new ReadingProcess(this.#processLimits);
    this.#all.add(reader);
    return reader;
  }

  #putBack(reader: ReadingProcess): void {
    if (reader.ended || reader.served >= this.#processLimits.messages) {
      void reader.close();
      this.#all.delete(reader);
      return;
    }
    this.#idle.push(reader);
    reader.rest(this.#processLimits.idleMs);
  }
}

/** What is known of a message so far; outlives the processes that read it. */
class Record {
  readonly #limits: Limits;
  readonly #pieces: string[] = [];
  readonly #unreadable: MessageText['unreadable'][number][] = [];
  readonly #sections: string[] = [];
  #next = 0;
  #section: string | null = null;
  #ordinal: number | null = null;
  #avoid: Task['avoid'] = [];
  #left: Task['left'];
  #since = performance.now();

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#left = allowance(limits);
  }

  get result(): MessageText {
    return { text: this.#pieces.join('\n'), unreadable: this.#unreadable, sections: this.#sections };
  }

  task(source: Source, root: MimeNode | null): Task {
    this.#since = performance.now();
    return { source, root, from: this.#next, avoid: this.#avoid, limits: this.#limits, left: this.#left };
  }

  take(answer: Answer): void {
    if (answer.kind === 'leaf') {
      this.#next = answer.index;
      this.#section = answer.section;
    } else if (answer.kind === 'document') this.#ordinal = answer.ordinal;
    else if (answer.kind === 'text') this.#finish(answer);
  }

  #finish({ text, unreadable, taken, left }: Answer & { readonly kind: 'text' }): void {
    const section = this.#section ?? '';
    if (text !== '') this.#pieces.push(text);
    this.#unreadable.push(...unreadable.map(note => ({ section, ...note })));
    if (taken) this.#sections.push(section);
    this.#next++;
    this.#section = null;
    this.#ordinal = null;
    this.#avoid = [];
    this.#left = left;
    this.#since = performance.now();
  }

  /** After a process is lost: whether it is worth another one. */
  survive(reason: string, hopeless: boolean): boolean {
    this.#left = { ...this.#left, time: this.#left.time - (performance.now() - this.#since) };
    if (this.#ordinal === null || hopeless) {
      const rest = 'the rest of the message was not read';
      this.#unreadable.push({ section: this.#section ?? '', path: '', reason: `${reason}; ${rest}` });
      return false;
    }
    this.#avoid = [...this.#avoid, [this.#ordinal, reason]];
    this.#ordinal = null;
    return true;
  }
}
