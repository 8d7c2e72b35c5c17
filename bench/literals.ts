import { createHash, type Hash } from 'node:crypto';

const LF = 0x0a;
/** Longer lines than this are not expected: none of a FETCH of bodies alone. */
const MAX_LINE = 10_000;

/** Digests the literals of an answer as it comes. */
export class LiteralDigests {
  readonly #digests: string[] = [];
  #hash: Hash | null = null;
  #left = 0;
  #line = '';

  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#hash !== null) {
        const octets = chunk.subarray(at, at + this.#left);
        this.#hash.update(octets);
        this.#left -= octets.length;
        at += octets.length;
        this.#close();
        continue;
      }
      const end = chunk.indexOf(LF, at);
      const stop = end === -1 ? chunk.length : end + 1;
      this.#line += Buffer.from(chunk.subarray(at, stop)).toString('latin1');
      if (this.#line.length > MAX_LINE) throw new Error('no line of a FETCH');
      at = stop;
      if (end === -1) continue;
      const size = /\{(\d+)\}\r\n$/.exec(this.#line)?.[1];
      this.#line = '';
      if (size === undefined) continue;
      this.#hash = createHash('sha256');
      this.#left = Number(size);
      this.#close();
    }
  }

  /** SHA-256 over those of all literals, in whatever order they came. */
  get digest(): string {
    return createHash('sha256').update(this.#digests.toSorted().join('\n')).digest('hex');
  }

  #close(): void {
    if (this.#hash === null || this.#left > 0) return;
    this.#digests.push(this.#hash.digest('hex'));
    this.#hash = null;
  }
}
