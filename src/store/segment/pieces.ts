import { LRUCache } from 'lru-cache';
import { decodeRecipe, writeRunInto } from '../ingest/recipe.ts';
import { PIECE_CACHE_BYTES } from '../limits.ts';
import { StoreError } from '../types.ts';
import { DIGEST_BYTES, isSmall, KIND_PIECE, sha256, unpackTogether } from './format.ts';
import type { Segments } from './segments.ts';

/** Where a piece lies and what it must be. */
export interface PieceRow {
  readonly id: number;
  readonly sha256: Uint8Array;
  readonly segment: number;
  readonly offset: number;
  readonly scheme: number;
  readonly length: number;
  /** Octets of its record after the header. */
  readonly stored: number;
}

/** Decoded pieces of all accounts of a thread, by account and number: each is of use until the next one is read. */
export type PieceCache = LRUCache<string, Uint8Array>;

/**
 * What it lets go of is freed at once, and its memory, still warm, serves for the next piece. Left to the collector,
 * such octets make it look through the whole heap every hundred megabytes, beside other work and before it.
 */
export function makePieceCache(maxSize = PIECE_CACHE_BYTES): PieceCache {
  return new LRUCache({
    maxSize,
    sizeCalculation: content => content.length,
    dispose: ({ buffer, length }) => {
      // As a record was opened: nothing but the digest before the content. Other buffers may hold octets of others.
      if (buffer instanceof ArrayBuffer && buffer.byteLength <= DIGEST_BYTES + length) buffer.transfer(0);
    },
  });
}

/** Octets of small pieces that are unpacked together. */
const TOGETHER_BYTES = 256 * 1024;

/**
 * Reads pieces and puts messages together from them. No octet leaves here but of a record that opened and is sealed
 * with the hash that the piece must have.
 */
export class PieceReader {
  readonly #account: string;
  readonly #segments: Segments;
  readonly #cache: PieceCache;
  readonly #row: (piece: number) => PieceRow | undefined;
  readonly #ahead = new Map<number, Uint8Array>();
  readonly #rowsAhead = new Map<number, PieceRow>();

  constructor(account: string, segments: Segments, cache: PieceCache, row: (piece: number) => PieceRow | undefined) {
    this.#account = account;
    this.#segments = segments;
    this.#cache = cache;
    this.#row = row;
  }

  /** From disk; null when it is damaged. */
  openRow(row: PieceRow): Uint8Array | null {
    return this.#segments.read(KIND_PIECE, row);
  }

  /** The same, and hashed again: for who looks for damage, or keeps nothing else to read from. */
  readRow(row: PieceRow): Uint8Array | null {
    const content = this.openRow(row);
    return content && Buffer.compare(sha256(content), row.sha256) === 0 ? content : null;
  }

  /** A piece's octets, to be used before another one is read. */
  read(piece: number): Uint8Array {
    const ahead = this.#ahead.get(piece);
    if (ahead) return ahead;
    const key = this.#key(piece);
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const row = this.#rowsAhead.get(piece) ?? this.#row(piece);
    const content = row ? this.openRow(row) : null;
    if (!content) throw damaged();
    if (content.length > 0) this.#cache.set(key, content);
    return content;
  }

  /** Of these pieces, those that are not at hand. */
  notAtHand(pieces: Iterable<number>): number[] {
    return [...new Set(pieces)].filter(piece => !this.#cache.has(this.#key(piece)));
  }

  /**
   * Reads the small ones of pieces that are about to be needed, with less work than one by one. They stay at hand until
   * `forgetAhead`; one that is damaged fails when it is asked for. A large one is best read when it is used: what has
   * just been opened is still near the processor.
   */
  readAhead(rows: readonly PieceRow[]): void {
    let small: [PieceRow, Uint8Array][] = [];
    let smallBytes = 0;
    const unpackSmall = (): void => {
      const contents = unpackTogether(
        small.map(([row]) => row),
        small.map(([, packed]) => packed),
      );
      // They share a buffer, so none of them outlives the others.
      for (const [index, content] of (contents ?? []).entries()) {
        const [row] = small[index] as [PieceRow, Uint8Array];
        this.#ahead.set(row.id, content);
      }
      small = [];
      smallBytes = 0;
    };
    for (const row of rows) this.#rowsAhead.set(row.id, row);
    for (const [row, packed] of this.#segments.readTogether(KIND_PIECE, rows.filter(isSmall))) {
      small.push([row, packed]);
      smallBytes += row.length;
      if (smallBytes >= TOGETHER_BYTES) unpackSmall();
    }
    if (small.length > 0) unpackSmall();
  }

  forgetAhead(): void {
    this.#ahead.clear();
    this.#rowsAhead.clear();
  }

  /** A piece's octets lie elsewhere now. */
  forget(piece: number): void {
    this.#cache.delete(this.#key(piece));
  }

  #key(piece: number): string {
    return `${this.#account}:${piece}`;
  }

  /**
   * Octets [start, start + length) of a message; shorter where the message ends.
   * @param room makes the place that they are written to
   */
  range(recipe: Uint8Array, start: number, length: number, room = ownRoom): Uint8Array {
    const items = decodeRecipe(recipe);
    const size = items.reduce((sum, item) => sum + item.length, 0);
    const end = Math.min(size, start + length);
    const out = room(Math.max(0, end - start));
    let at = 0;
    for (const item of items) {
      const next = at + item.length;
      if (next > start && at < end) {
        const from = Math.max(0, start - at);
        const until = Math.min(item.length, end - at);
        const written = writeRunInto(this.read(item.piece), item, from, until, out, at + from - start);
        // The rest of the place would be what it held before.
        if (written !== until - from) throw damaged();
      }
      at = next;
      if (at >= end) break;
    }
    return out;
  }
}

function ownRoom(length: number): Uint8Array {
  return Buffer.allocUnsafe(length);
}

function damaged(): StoreError {
  return new StoreError('CORRUPTION', 'Il messaggio è danneggiato: una sua parte non è quella archiviata');
}
