/** Reads messages and pieces from disk again and compares their hashes. */
import { createHash } from 'node:crypto';
import type Database from 'better-sqlite3-multiple-ciphers';
import { LRUCache } from 'lru-cache';
import { decodeRecipe, type RecipeItem, writeRunInto } from '../ingest/recipe.ts';
import { PieceReader, type PieceRow } from '../segment/pieces.ts';
import type { Segments } from '../segment/segments.ts';

/** Rows of a table by their numbers: after one, up to another. */
export interface Range {
  readonly after: number;
  readonly last: number;
}

export interface MessageFault {
  readonly message: number;
  readonly sha256: Uint8Array;
  readonly reason: string;
}

export interface Reading {
  readonly faults: readonly MessageFault[];
  /** Pieces that are damaged. */
  readonly pieces: readonly PieceRow[];
}

interface MessageRow {
  readonly id: number;
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly recipe: Uint8Array;
}

/** Pieces that this very reading took from disk, for the next messages that hold them: an exchange's attachment. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** Room for the run of a whole piece in base64, and more. */
const ROOM = 2 * 1024 * 1024;

/** One thread's reader of an account. */
export class MessageReader {
  readonly #db: Database.Database;
  readonly #pieces: PieceReader;
  readonly #looked: Uint8Array;
  readonly #row: Database.Statement<[number], PieceRow>;
  readonly #kept = new LRUCache<number, Uint8Array>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ length }) => length + 1,
  });
  readonly #room = Buffer.allocUnsafeSlow(ROOM);

  /** @param looked a bit for each piece that was looked at; threads may share it */
  constructor(db: Database.Database, segments: Segments, looked: Uint8Array) {
    this.#db = db;
    this.#row = db.prepare<[number], PieceRow>('SELECT * FROM piece WHERE id = ?');
    this.#pieces = new PieceReader('', segments, new LRUCache({ max: 1 }), piece => this.#row.get(piece));
    this.#looked = looked;
  }

  readMessages({ after, last }: Range): Reading {
    const faults: MessageFault[] = [];
    const damaged: PieceRow[] = [];
    const rows = this.#db.prepare<[number, number], MessageRow>(
      'SELECT id, sha256, size, recipe FROM message WHERE id > ? AND id <= ? ORDER BY id',
    );
    for (const row of rows.iterate(after, last)) {
      const reason = this.#fault(row, damaged);
      if (reason !== null) faults.push({ message: row.id, sha256: row.sha256, reason });
    }
    return { faults, pieces: damaged };
  }

  /** Those that no message led to. */
  readPieces({ after, last }: Range): Reading {
    const damaged: PieceRow[] = [];
    const rows = this.#db.prepare<[number, number], PieceRow>(
      'SELECT * FROM piece WHERE id > ? AND id <= ? ORDER BY id',
    );
    for (const row of rows.iterate(after, last)) if (!this.#hasLooked(row.id)) this.#read(row, damaged);
    return { faults: [], pieces: damaged };
  }

  #fault({ sha256, size, recipe }: MessageRow, damaged: PieceRow[]): string | null {
    const digest = createHash('sha256');
    let length = 0;
    for (const run of decodeRecipe(recipe)) {
      const content = this.#content(run.piece, damaged);
      if (typeof content === 'string') return content;
      for (const octets of this.#written(content, run)) {
        digest.update(octets);
        length += octets.length;
      }
    }
    if (length !== size) return `has ${length} octets, should have ${size}`;
    const found = digest.digest();
    return Buffer.compare(found, sha256) === 0 ? null : `its SHA-256 is ${found.toString('hex')}`;
  }

  /** A reason, where there is none. */
  #content(piece: number, damaged: PieceRow[]): Uint8Array | string {
    const kept = this.#kept.get(piece);
    if (kept) return kept;
    const row = this.#row.get(piece);
    if (!row) return `piece ${piece} of its recipe is unknown`;
    const content = this.#read(row, damaged);
    if (!content) return `piece ${piece} is damaged`;
    this.#kept.set(piece, content);
    return content;
  }

  #read(row: PieceRow, damaged: PieceRow[]): Uint8Array | null {
    const content = this.#pieces.readRow(row);
    Atomics.or(this.#looked, row.id >> 3, 1 << (row.id & 7));
    if (!content) damaged.push(row);
    return content;
  }

  #hasLooked(piece: number): boolean {
    return (Atomics.load(this.#looked, piece >> 3) & (1 << (piece & 7))) !== 0;
  }

  /** What a run writes, in slices that are good until the next one. */
  *#written(content: Uint8Array, run: RecipeItem): Generator<Uint8Array> {
    if (!run.base64) {
      yield content.subarray(run.offset, run.offset + run.size).subarray(0, run.length);
      return;
    }
    for (let start = 0; start < run.length; ) {
      const end = Math.min(run.length, start + ROOM);
      const written = writeRunInto(content, run, start, end, this.#room, 0);
      if (written === 0) return;
      yield this.#room.subarray(0, written);
      start += written;
    }
  }
}
