/** Revocation lists of gestori's authorities, fetched where their certificates say, for the checks of one thread. */
import { createHash } from 'node:crypto';
import { readRevocationList } from '../../pki/crl.ts';

/** An authority of gestori has some hundred certificates; public ones stay below this as well. */
const MAX_BYTES = 8 << 20;
const TIMEOUT = 5_000;
/** A list is asked for again after this, whatever it says of itself, and one that could not be had after less. */
const FRESH = 3_600_000;
const RETRY = 600_000;
const MAX_CACHED = 64;

export interface KeptList {
  readonly sha256: string;
  /** Shared between threads, so that a thousand messages carry one copy. */
  readonly der: Uint8Array;
}

export class RevocationLists {
  readonly #fetched = new Map<string, { readonly at: number; readonly list: Promise<Uint8Array | null> }>();
  readonly #kept = new Map<string, KeptList>();

  /** The lists that are to be had; those that are not are left out, and told by no error. */
  async fetch(urls: readonly string[]): Promise<Uint8Array[]> {
    const lists = await Promise.all(urls.map(url => this.#get(url)));
    return lists.filter(list => list !== null);
  }

  keep(der: Uint8Array): KeptList {
    const sha256 = createHash('sha256').update(der).digest('hex');
    let kept = this.#kept.get(sha256);
    if (kept === undefined) {
      const shared = new Uint8Array(new SharedArrayBuffer(der.length));
      shared.set(der);
      kept = { sha256, der: shared };
      if (this.#kept.size >= MAX_CACHED) this.#kept.delete(this.#kept.keys().next().value ?? '');
      this.#kept.set(sha256, kept);
    }
    return kept;
  }

  async #get(url: string): Promise<Uint8Array | null> {
    const now = performance.now();
    const known = this.#fetched.get(url);
    if (known !== undefined) {
      const list = await known.list;
      if (now - known.at < (list === null ? RETRY : FRESH)) return list;
    }
    const list = download(url);
    if (this.#fetched.size >= MAX_CACHED) this.#fetched.delete(this.#fetched.keys().next().value ?? '');
    this.#fetched.set(url, { at: now, list });
    return list;
  }
}

/** Null for what is not there, too large, too slow, or no list. */
async function download(url: string): Promise<Uint8Array | null> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok || response.body === null) return null;
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body) {
      size += piece.length;
      if (size > MAX_BYTES) return null;
      pieces.push(piece);
    }
    const der = Buffer.concat(pieces);
    readRevocationList(der);
    return der;
  } catch {
    return null;
  }
}
