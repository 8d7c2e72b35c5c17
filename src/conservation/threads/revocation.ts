/** Revocation lists and OCSP responses of gestori's authorities, fetched where their certificates say, for one thread. */
import { createHash } from 'node:crypto';
import type { OcspQuery } from '../../pec/signature/revocation.ts';
import { readRevocationList } from '../../pki/crl.ts';
import { readOcspResponse } from '../../pki/ocsp.ts';
import { FetchCache } from './fetch-cache.ts';

/** An authority of gestori has some hundred certificates; public ones stay below this as well. */
const MAX_BYTES = 8 << 20;
/** One status with a few certificates. */
const MAX_RESPONSE_BYTES = 64 << 10;
const TIMEOUT = 5_000;
const MAX_KEPT = 64;

export interface KeptList {
  readonly sha256: string;
  /** Shared between threads, so that a thousand messages carry one copy. */
  readonly der: Uint8Array;
}

export class RevocationLists {
  readonly #cache = new FetchCache();
  readonly #kept = new Map<string, KeptList>();

  /** The lists that are to be had; those that are not are left out, and told by no error. */
  async fetch(urls: readonly string[]): Promise<Uint8Array[]> {
    const lists = await Promise.all(urls.map(url => this.#cache.get(url, () => download(url))));
    return lists.filter(list => list !== null);
  }

  /** The answers that are to be had, as `fetch` does. */
  async ask(queries: readonly OcspQuery[]): Promise<Uint8Array[]> {
    const answers = await Promise.all(
      queries.map(({ url, request }) => {
        const key = `${url} ${Buffer.from(request).toString('base64')}`;
        return this.#cache.get(key, () => query(url, request));
      }),
    );
    return answers.filter(answer => answer !== null);
  }

  keep(der: Uint8Array): KeptList {
    const sha256 = createHash('sha256').update(der).digest('hex');
    let kept = this.#kept.get(sha256);
    if (kept === undefined) {
      const shared = new Uint8Array(new SharedArrayBuffer(der.length));
      shared.set(der);
      kept = { sha256, der: shared };
      if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value ?? '');
      this.#kept.set(sha256, kept);
    }
    return kept;
  }
}

/** Null for what is not there, too large, too slow, or no list. */
function download(url: string): Promise<Uint8Array | null> {
  return load(url, {}, MAX_BYTES, readRevocationList);
}

/** By POST (RFC 6960 appendix A.1). */
function query(url: string, request: Uint8Array): Promise<Uint8Array | null> {
  const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' };
  return load(url, { method: 'POST', headers, body: Buffer.from(request) }, MAX_RESPONSE_BYTES, readOcspResponse);
}

async function load(
  url: string,
  init: RequestInit,
  limit: number,
  check: (der: Uint8Array) => unknown,
): Promise<Uint8Array | null> {
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok || response.body === null) return null;
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body) {
      size += piece.length;
      if (size > limit) return null;
      pieces.push(piece);
    }
    const der = Buffer.concat(pieces);
    check(der);
    return der;
  } catch {
    return null;
  }
}
