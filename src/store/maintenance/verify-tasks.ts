import type Database from 'better-sqlite3-multiple-ciphers';
import type { Segments } from '../segment/segments.ts';
import type { Damage } from './damage.ts';
import { type Examination, examine } from './verify-database.ts';
import { MessageReader, type Range, type Reading } from './verify-messages.ts';

/** Tasks by their names: what they are given and what they give. */
interface TaskTypes {
  readonly examine: { readonly task: Examination; readonly gives: Damage[] };
  readonly readMessages: { readonly task: Range; readonly gives: Reading };
  readonly readPieces: { readonly task: Range; readonly gives: Reading };
}

export type VerifyTaskName = keyof TaskTypes;
export type VerifyTask<Name extends VerifyTaskName> = TaskTypes[Name]['task'];
export type VerifyGives<Name extends VerifyTaskName> = TaskTypes[Name]['gives'];

/** What `verify` has done by whoever opened the account's files: its own thread, or others. */
export type VerifyTasks = {
  readonly [Name in VerifyTaskName]: (task: VerifyTask<Name>) => VerifyGives<Name>;
};

export function createVerifyTasks(parts: {
  readonly db: Database.Database;
  readonly segments: Segments;
  readonly looked: Uint8Array;
}): VerifyTasks {
  const reader = new MessageReader(parts.db, parts.segments, parts.looked);
  return {
    examine: what => examine(what, parts),
    readMessages: range => reader.readMessages(range),
    readPieces: range => reader.readPieces(range),
  };
}
