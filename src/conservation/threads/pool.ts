import { availableParallelism } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type * as tasks from './conservation.worker.ts';

type Tasks = typeof tasks;
export type TaskName = keyof Tasks;

/** More threads than this would take from those that serve mail. */
const MAX_THREADS = 2;
const IDLE = 30_000;

/** The worker threads of conservation. */
export class ConservationPool {
  readonly threads = Math.min(MAX_THREADS, availableParallelism());
  readonly #piscina: Piscina;

  /**
   * @param anchors DER of the roots that gestori's certificates are checked against
   * @param fetchRevocation whether their authorities are asked what has been revoked
   */
  constructor(anchors: readonly Uint8Array[], fetchRevocation = false) {
    this.#piscina = new Piscina({
      filename: new URL('./conservation.worker.ts', import.meta.url).href,
      minThreads: 0,
      maxThreads: this.threads,
      idleTimeout: IDLE,
      workerData: { anchors, fetchRevocation },
    });
  }

  /** Runs one task. Rejects with what it throws, or when its thread dies or the signal aborts it (the thread with it). */
  run<Name extends TaskName>(
    name: Name,
    task: Parameters<Tasks[Name]>[0],
    options: { readonly transfer?: readonly (ArrayBuffer | MessagePort)[]; readonly signal?: AbortSignal } = {},
  ): Promise<Awaited<ReturnType<Tasks[Name]>>> {
    return this.#piscina.run(task, {
      name,
      // Piscina wants an array; its type, inferred from another overload of postMessage, says otherwise.
      transferList: [...(options.transfer ?? [])] as unknown as TransferList,
      signal: options.signal ?? null,
    });
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}

type TransferList = NonNullable<Parameters<Piscina['run']>[1]>['transferList'];
