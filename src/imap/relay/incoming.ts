import type { OnReadOpts } from 'node:net';

/** Where the octets of all upstreams arrive, one chunk at a time: nobody keeps any without copying them. */
const arriving = Buffer.allocUnsafeSlow(64 * 1024);

/** What one socket delivers, without a buffer of its own: an idle connection holds none, and a busy one makes no garbage. */
export class Incoming {
  readonly #early: Buffer[] = [];
  #take: ((chunk: Buffer) => void) | null = null;

  /** To be given to the socket when it is made. */
  readonly onread: OnReadOpts = {
    buffer: arriving,
    callback: length => {
      const chunk = arriving.subarray(0, length);
      if (this.#take === null) this.#early.push(Buffer.from(chunk));
      else this.#take(chunk);
      return true;
    },
  };

  /** @param take told of every chunk; its octets are others' when it returns */
  start(take: (chunk: Buffer) => void): void {
    this.#take = take;
    for (const chunk of this.#early.splice(0)) take(chunk);
  }
}
