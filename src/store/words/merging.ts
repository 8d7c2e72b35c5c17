/**
 * Makes one run of several, a step at a time: each step is a transaction, and what it has done is in the database, so
 * that the next goes on from there, whatever happened in between. Until the last step the runs that it began with answer.
 */
import type { AccountContext, Rows } from '../database/context.ts';
import { type BlockNames, BlockWriter, SMALL } from './block.ts';
import { Reader } from './bytes.ts';
import { blockId, Run, type RunRow, wholeRuns, writeBlock } from './run.ts';
import { createRun, FAN } from './writing.ts';

/** Octets of documents and places that a step goes through, about. */
const STEP_BYTES = 512 * 1024;
/** Blocks of runs that are done with, removed in one step. */
const REMOVED_BLOCKS = 64;
/** Share of a run's messages that are gone, from which on it is worth while to make it anew. */
const WASTED_SHARE = 1 / 8;
/** In quiet times any two runs of a level become one. */
const QUIET_FAN = 2;

/** A merge under way: the run that is made, and how far each of the others was read. */
interface Progress {
  readonly inputs: readonly { readonly run: number; readonly block: number; readonly index: number }[];
}

/** A step of what is due, to be taken with each arrival. Within a transaction. Whether anything was. */
export function mergeDue(context: Rows, octets = STEP_BYTES): boolean {
  return step(context, false, octets);
}

/** A step of what makes searches quicker; whether there may be more to do. */
export function mergeIndex(context: Pick<AccountContext, 'write'> & Rows, octets = STEP_BYTES): boolean {
  return context.write(() => step(context, true, octets));
}

function step(context: Rows, quiet: boolean, octets: number): boolean {
  let left = octets;
  let worked = false;
  while (left > 0) {
    const merge = next(context, quiet);
    if (merge === null) return removeDropped(context) || worked;
    left -= merge.step(left);
    worked = true;
  }
  return true;
}

/** The lowest level's merge that is under way or due. */
function next(context: Rows, quiet: boolean): Merge | null {
  const fan = quiet ? QUIET_FAN : FAN;
  const running = context
    .sql<RunRow & { progress: string }>(
      "SELECT id, level, blocks, progress FROM word_run WHERE state = 'making' ORDER BY level LIMIT 1",
    )
    .get();
  const free = freeRuns(context);
  const due = [...Map.groupBy(free, ({ row }) => row.level)]
    .sort(([a], [b]) => a - b)
    .find(([, runs]) => runs.length >= fan);
  if (due !== undefined && (running === undefined || due[0] + 1 < running.level)) {
    return begin(context, due[1], due[0] + 1, quiet);
  }
  if (running !== undefined) return new Merge(context, running, JSON.parse(running.progress) as Progress);
  const wasteful = quiet ? free.find(run => wastes(context, run)) : undefined;
  return wasteful === undefined ? null : begin(context, [wasteful], wasteful.row.level, quiet);
}

/** Whole runs that no merge reads. */
function freeRuns(context: Rows): Run[] {
  const read = new Set(
    context
      .sql<number>(
        "SELECT i.value ->> 'run' FROM word_run w, json_each(w.progress, '$.inputs') i WHERE w.state = 'making'",
      )
      .pluck()
      .all(),
  );
  return wholeRuns(context).filter(({ row }) => !read.has(row.id));
}

/** Whether much of it is of messages that were removed. */
function wastes(context: Rows, run: Run): boolean {
  const messages = new Set(run.readMessages());
  return existing(context, messages).size < (1 - WASTED_SHARE) * messages.size;
}

/** @param clean whether what was removed is left out, which takes looking for it */
function begin(context: Rows, inputs: readonly Run[], level: number, clean: boolean): Merge {
  const all = inputs.flatMap(run => [...run.readMessages()]);
  const there = clean ? existing(context, all) : null;
  const id = createRun(context, 'making', level, there ? all.filter(message => there.has(message)) : all);
  const progress = { inputs: inputs.map(({ row }) => ({ run: row.id, block: 0, index: 0 })) };
  return new Merge(context, { id, level, blocks: 0 }, progress);
}

/** Those of the messages that were not removed. */
function existing(context: Rows, messages: Iterable<number>): Set<number> {
  const ids = JSON.stringify([...messages]);
  return new Set(
    context.sql<number>('SELECT id FROM message WHERE id IN (SELECT value FROM json_each(?))').pluck().all(ids),
  );
}

class Merge {
  readonly #context: Rows;
  readonly #output: Run;
  readonly #inputs: readonly Input[];
  #blocks: number;

  constructor(context: Rows, row: RunRow, { inputs }: Progress) {
    this.#context = context;
    this.#output = new Run(context, row);
    this.#blocks = row.blocks;
    const kept = this.#output.readMessages();
    let documents = 0;
    this.#inputs = inputs.map(({ run, block, index }) => {
      const input = context.sql<RunRow>('SELECT id, level, blocks FROM word_run WHERE id = ?').get(run) as RunRow;
      const numbers = Int32Array.from(new Run(context, input).readMessages(), message =>
        // In the same order, without those that are left out.
        kept[documents] === message ? documents++ : -1,
      );
      return new Input(new Run(context, input), numbers, block, index);
    });
  }

  /** Goes through about so many octets. @returns how many it were */
  step(most: number): number {
    const block = new BlockWriter();
    let done = 0;
    for (let name = this.#lowest(); name !== null; name = this.#lowest()) {
      this.#merge(name, block);
      if (!block.full && block.bytes < most) continue;
      done += block.bytes;
      writeBlock(this.#context, this.#output.row.id, this.#blocks++, block.take(SMALL));
      if (done >= most) break;
    }
    if (!block.empty) {
      done += block.bytes;
      writeBlock(this.#context, this.#output.row.id, this.#blocks++, block.take(SMALL));
    }
    if (this.#lowest() === null) this.#finish();
    else this.#note();
    return done;
  }

  #lowest(): string | null {
    let lowest: string | null = null;
    for (const { name } of this.#inputs) if (name !== null && (lowest === null || name < lowest)) lowest = name;
    return lowest;
  }

  #merge(name: string, block: BlockWriter): void {
    for (const input of this.#inputs) {
      if (input.name !== name) continue;
      input.copy(block);
      input.advance();
    }
    block.end(name);
  }

  /** For the next step to go on from. */
  #note(): void {
    const progress: Progress = { inputs: this.#inputs.map(input => input.position) };
    this.#context
      .sql('UPDATE word_run SET blocks = ?, progress = ? WHERE id = ?')
      .run(this.#blocks, JSON.stringify(progress), this.#output.row.id);
  }

  /** From now on it answers, and the others do not. */
  #finish(): void {
    const { id } = this.#output.row;
    for (const { run } of this.#inputs) {
      this.#context.sql("UPDATE word_run SET state = 'dropped' WHERE id = ?").run(run.row.id);
      if (run.row.blocks <= REMOVED_BLOCKS) removeDropped(this.#context);
    }
    this.#context
      .sql('UPDATE word_run SET state = ?, blocks = ?, progress = NULL WHERE id = ?')
      .run(this.#blocks === 0 ? 'dropped' : 'whole', this.#blocks, id);
  }
}

/** A run as it is read for a merge, a token at a time. */
class Input {
  readonly run: Run;
  /** For each document its number in the run that is made; -1 for one that is left out. */
  readonly #numbers: Int32Array;
  readonly #all: boolean;
  #block: number;
  #index: number;
  #names: BlockNames | null = null;
  #tokens: readonly string[] = [];
  #documents: Uint8Array = new Uint8Array();
  #places: Uint8Array = new Uint8Array();
  name: string | null = null;

  constructor(run: Run, numbers: Int32Array, block: number, index: number) {
    this.run = run;
    this.#block = block;
    this.#index = index;
    this.#numbers = numbers;
    this.#all = !numbers.includes(-1);
    this.#load();
  }

  get position(): Progress['inputs'][number] {
    return { run: this.run.row.id, block: this.#block, index: this.#index };
  }

  advance(): void {
    this.#index += 1;
    if (this.#names !== null && this.#index >= this.#names.count) {
      this.#block += 1;
      this.#index = 0;
      this.#names = null;
    }
    this.#load();
  }

  /** Adds the present token's documents and places. */
  copy(block: BlockWriter): void {
    const names = this.#names as BlockNames;
    const documents = new Reader(names.documents(this.#documents, this.#index));
    const places = names.places(this.#places, this.#index);
    const reader = new Reader(places);
    if (this.#all) block.places.append(places);
    for (let document = -1; !documents.done; ) {
      const step = documents.integer();
      document += step >> 1;
      const times = step & 1 ? documents.integer() + 2 : 1;
      const number = this.#numbers[document] as number;
      const start = reader.at;
      if (!this.#all && places.length > 0) reader.skip(times);
      if (number === -1) continue;
      block.document(number, times);
      if (!this.#all) block.places.append(places, start, reader.at);
    }
  }

  #load(): void {
    if (this.#block >= this.run.row.blocks) {
      this.name = null;
      return;
    }
    if (this.#names === null) {
      this.#names = this.run.readNames(this.#block);
      this.#tokens = this.#names.all();
      this.#documents = this.run.read('documents', this.#block);
      this.#places = this.run.read('places', this.#block);
    }
    this.name = this.#tokens[this.#index] as string;
  }
}

/** Frees some of what no longer answers. Whether there was anything. */
function removeDropped(context: Rows): boolean {
  const run = context
    .sql<{ id: number; blocks: number }>("SELECT id, blocks FROM word_run WHERE state = 'dropped' LIMIT 1")
    .get();
  if (run === undefined) return false;
  const left = Math.max(0, run.blocks - REMOVED_BLOCKS);
  context
    .sql('DELETE FROM word_block WHERE id BETWEEN ? AND ?')
    .run(blockId(run.id, left), blockId(run.id, run.blocks));
  if (left === 0) context.sql('DELETE FROM word_run WHERE id = ?').run(run.id);
  else context.sql('UPDATE word_run SET blocks = ? WHERE id = ?').run(left, run.id);
  return true;
}
