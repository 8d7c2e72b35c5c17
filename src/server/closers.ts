import type { Logger } from 'pino';

/**
 * What has been opened, to be closed in the opposite order: at the end, or when the start fails half-way. A step that
 * fails or takes longer than its limit is logged and does not keep the others from being closed.
 */
export class Closers {
  readonly #logger: Logger;
  readonly #steps: { readonly name: string; readonly close: () => Promise<void> }[] = [];
  #closing: Promise<void> | null = null;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  push(name: string, close: () => Promise<void>): void {
    this.#steps.push({ name, close });
  }

  /** @param limit milliseconds for each step */
  closeAll(limit: number): Promise<void> {
    this.#closing ??= this.#run(limit);
    return this.#closing;
  }

  async #run(limit: number): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name, close } = step;
      try {
        await within(limit, close());
      } catch (error) {
        this.#logger.error({ err: error, step: name }, 'closing failed');
      }
    }
  }
}

/** Rejects when the work is not done in time; the work itself goes on. */
async function within(limit: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeOut = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limit} ms`)), limit);
  });
  try {
    await Promise.race([work, timeOut]);
  } finally {
    clearTimeout(timer);
  }
}
