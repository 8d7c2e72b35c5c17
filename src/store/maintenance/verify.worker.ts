/** One of the threads in which `verify` reads: it opens the account's files for itself. */
import { workerData } from 'node:worker_threads';
import type { AccountKeys } from '../crypto/account-keys.ts';
import { RecordCipher } from '../crypto/record-cipher.ts';
import { openDatabaseBeside } from '../database/open.ts';
import { Segments } from '../segment/segments.ts';
import { createVerifyTasks, type VerifyTask, type VerifyTasks } from './verify-tasks.ts';

export interface VerifyWorkerData {
  readonly directory: string;
  readonly segments: string;
  readonly keys: AccountKeys;
  readonly looked: Uint8Array;
}

/** What a task gave, or why it could not be done: the code of an error does not pass between threads otherwise. */
export type VerifyAnswer<T> = { readonly value: T } | { readonly failure: string; readonly code: string };

const { directory, segments, keys, looked }: VerifyWorkerData = workerData;
let tasks: VerifyTasks | null = null;

/** The files are opened with the first task, so that what is wrong with them is told as an answer. */
function answer<T>(work: (tasks: VerifyTasks) => T): VerifyAnswer<T> {
  try {
    tasks ??= createVerifyTasks({
      db: openDatabaseBeside(directory, keys.database),
      segments: new Segments(segments, { number: 0, length: 0 }, new RecordCipher(keys.segments)),
      looked,
    });
    return { value: work(tasks) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { failure: error instanceof Error ? error.message : String(error), code };
  }
}

export const examine = (what: VerifyTask<'examine'>) => answer(tasks => tasks.examine(what));
export const readMessages = (range: VerifyTask<'readMessages'>) => answer(tasks => tasks.readMessages(range));
export const readPieces = (range: VerifyTask<'readPieces'>) => answer(tasks => tasks.readPieces(range));
