import type { LRUCache } from 'lru-cache';
import { decodeRecipe, writeRunInto } from '../ingest/recipe.ts';
import { StoreError } from '../types.ts';
import { KIND_PIECE, sha256 } from './format.ts';
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

/** Decoded pieces of all accounts of a thread, by account and number. */
export type PieceCache = LRUCache<string, Uint8Array>;

/** Reads pieces and puts messages together from them. No octet leaves here whose hash was not checked. */
export class PieceReader {
  readonly #account: string;
  readonly #segments: Segments;
  readonly #cache: PieceCache;
  readonly #row: (piece: number) => PieceRow | undefined;

  constructor(account: string, segments: Segments, cache: PieceCache, row: (piece: number) => PieceRow | undefined) {
    this.#account = account;
    this.#segments = segments;
    this.#cache = cache;
    this.#row = row;
  }

  /** From disk, opened and its hash compared; null when it is damaged. */
  readRow(row: PieceRow): Uint8Array | null {
    const content = this.#segments.read(KIND_PIECE, row);
    return content && Buffer.compare(sha256(content), row.sha256) === 0 ? content : null;
  }

  read(piece: number): Uint8Array {
    const key = `${this.#account}:${piece}`;
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const row = this.#row(piece);
    const content = row ? this.readRow(row) : null;
    if (!content) throw damaged();
    if (content.length > 0) this.#cache.set(key, content);
    return content;
  }

  /** A piece's octets lie elsewhere now. */
  forget(piece: number): void {
    this.#cache.delete(`${this.#account}:${piece}`);
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
