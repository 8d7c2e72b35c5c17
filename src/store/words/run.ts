/**
 * Runs of the index: each holds some documents, and is never changed. New ones come with each transaction, and are put
 * together into larger ones by and by (merging.ts). A document is what was put in of a message at one time: what is read
 * later of its attachments is another one.
 */
import { LRUCache } from 'lru-cache';
import type { Rows } from '../database/context.ts';
import { BlockNames, type BlockRow, unpack } from './block.ts';
import { Bytes, Reader } from './bytes.ts';

/** Blocks' numbers are the run's times this and their own. */
const BLOCKS = 2 ** 20;
/** What searches have read of runs is kept in memory, for all accounts of a thread: octets. */
const NAMES_CACHE_BYTES = 24 * 1024 * 1024;
const OCTETS_CACHE_BYTES = 16 * 1024 * 1024;

export interface RunRow {
  readonly id: number;
  readonly level: number;
  readonly blocks: number;
}

/** Each search looks through all tokens, so that these are not to give way to what few searches want. */
const names = new LRUCache<string, BlockNames>({
  maxSize: NAMES_CACHE_BYTES,
  sizeCalculation: ({ size }) => 200 + size,
});
const octets = new LRUCache<string, Uint8Array | Uint32Array>({
  maxSize: OCTETS_CACHE_BYTES,
  maxEntrySize: OCTETS_CACHE_BYTES / 4,
  sizeCalculation: ({ byteLength }) => 200 + byteLength,
});
/** Runs' numbers mean something only within one opened database. */
const contexts = new WeakMap<Rows, number>();
let lastContext = 0;

export class Run {
  readonly row: RunRow;
  readonly #context: Rows;
  readonly #key: string;

  constructor(context: Rows, row: RunRow) {
    this.#context = context;
    this.row = row;
    let number = contexts.get(context);
    if (number === undefined) {
      number = ++lastContext;
      contexts.set(context, number);
    }
    this.#key = `${number}/${row.id}`;
  }

  /** The message of each document, by its number in the run. */
  messages(): Uint32Array {
    const known = octets.get(this.#key) as Uint32Array | undefined;
    if (known !== undefined) return known;
    const messages = this.readMessages();
    octets.set(this.#key, messages);
    return messages;
  }

  /** The same, not kept: what a transaction has written may be undone, and its run's number given to another one. */
  readMessages(): Uint32Array {
    const packed = this.#context.sql<Uint8Array>('SELECT messages FROM word_run WHERE id = ?').pluck().get(this.row.id);
    if (packed === undefined) throw new Error(`the index lacks run ${this.row.id}`);
    return decodeMessages(unpack(packed));
  }

  names(block: number): BlockNames {
    const key = `${this.#key}/${block}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    const read = this.readNames(block);
    names.set(key, read);
    return read;
  }

  /** The same, not kept. */
  readNames(block: number): BlockNames {
    return new BlockNames(this.#column('names', block));
  }

  documentsIn(block: number): Uint8Array {
    return this.#expanded('documents', block);
  }

  placesIn(block: number): Uint8Array {
    return this.#expanded('places', block);
  }

  /** One column, not kept. */
  read(column: 'documents' | 'places', block: number): Uint8Array {
    return unpack(this.#column(column, block));
  }

  #expanded(column: 'documents' | 'places', block: number): Uint8Array {
    const key = `${this.#key}/${block}/${column}`;
    const known = octets.get(key) as Uint8Array | undefined;
    if (known !== undefined) return known;
    const read = this.read(column, block);
    octets.set(key, read);
    return read;
  }

  #column(column: keyof BlockRow, block: number): Uint8Array {
    const octets = this.#context
      .sql<Uint8Array>(`SELECT ${column} FROM word_block WHERE id = ?`)
      .pluck()
      .get(blockId(this.row.id, block));
    if (octets === undefined) throw new Error(`the index lacks block ${block} of run ${this.row.id}`);
    return octets;
  }
}

/** Runs that answer. */
export function wholeRuns(context: Rows): Run[] {
  return context
    .sql<RunRow>("SELECT id, level, blocks FROM word_run WHERE state = 'whole' ORDER BY id")
    .all()
    .map(row => new Run(context, row));
}

export function blockId(run: number, block: number): number {
  return run * BLOCKS + block;
}

export function writeBlock(context: Rows, run: number, block: number, row: BlockRow): void {
  context
    .sql('INSERT INTO word_block (id, names, documents, places) VALUES (?, ?, ?, ?)')
    .run(blockId(run, block), row.names, row.documents, row.places);
}

/** Column `messages` of a run, before it is packed: each id less the one before, with its sign in the lowest bit. */
export function encodeMessages(messages: Iterable<number>): Uint8Array {
  const bytes = new Bytes(1024);
  let last = 0;
  for (const message of messages) {
    const step = message - last;
    bytes.integer(step < 0 ? -2 * step - 1 : 2 * step);
    last = message;
  }
  return bytes.view();
}

export function decodeMessages(octets: Uint8Array): Uint32Array {
  const reader = new Reader(octets);
  const messages: number[] = [];
  let message = 0;
  while (!reader.done) {
    const step = reader.integer();
    message += step & 1 ? -(step + 1) / 2 : step / 2;
    messages.push(message);
  }
  return Uint32Array.from(messages);
}
