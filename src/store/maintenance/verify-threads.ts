import { setImmediate } from 'node:timers/promises';
import { Piscina } from 'piscina';
import { roomyThreads } from '../thread-heap.ts';
import type { VerifyAnswer, VerifyWorkerData } from './verify.worker.ts';
import { createVerifyTasks, type VerifyGives, type VerifyTask, type VerifyTaskName } from './verify-tasks.ts';

/** Where the tasks of `verify` are done. */
export interface VerifyCrew {
  /** Tasks that may be under way at a time. */
  readonly width: number;
  /** Rejects with an error that has the `code` of the one that was thrown. */
  run<Name extends VerifyTaskName>(name: Name, task: VerifyTask<Name>): Promise<VerifyGives<Name>>;
  close(): Promise<void>;
}

/** In this thread: starting others would take longer than reading a small account. */
export function crewOfOne(parts: Parameters<typeof createVerifyTasks>[0]): VerifyCrew {
  const tasks = createVerifyTasks(parts);
  return {
    width: 1,
    async run(name, task) {
      await setImmediate();
      return tasks[name](task);
    },
    async close() {},
  };
}

/** The files must have been opened to be shared. */
export function crewOfThreads(threads: number, workerData: VerifyWorkerData): VerifyCrew {
  roomyThreads();
  const filename = new URL('./verify.worker.ts', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads, workerData });
  return {
    // One waits for each that is worked on.
    width: 2 * threads,
    async run(name, task) {
      const answer: VerifyAnswer<VerifyGives<typeof name>> = await pool.run(task, { name });
      if ('failure' in answer) throw Object.assign(new Error(answer.failure), { code: answer.code });
      return answer.value;
    },
    close: () => pool.destroy(),
  };
}
