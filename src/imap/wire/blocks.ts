import type { Duplex } from 'node:stream';

/** Octets of a block: as many as a socket delivers at once. */
const BLOCK = 64 * 1024;
/** Blocks kept for whoever writes next: 4 MiB. */
const KEPT = 64;

const free: Block[] = [];

/**
 * Output to one socket, copied into memory that is used over and over: passing a gigabyte on makes no garbage, which
 * would pile up to tens of megabytes between two collections. Who has nothing to send holds nothing.
 */
export class OutgoingBlocks {
  #current: Block | null = null;

  /** The octets may be written over when this returns. False when the caller should wait for `drain`. */
  write(socket: Duplex, octets: Uint8Array): boolean {
    let open = true;
    for (let at = 0; at < octets.length; at += BLOCK) {
      const piece = octets.subarray(at, at + BLOCK);
      open = this.#blockFor(piece.length).write(socket, piece);
    }
    return open;
  }

  #blockFor(size: number): Block {
    if (this.#current?.owner !== this || !this.#current.holds(size)) {
      this.#current = free.pop() ?? new Block();
      this.#current.owner = this;
    }
    return this.#current;
  }
}

/** Filled from its beginning to its end, and from the beginning again when all of it has been sent. */
class Block {
  owner: OutgoingBlocks | null = null;
  readonly #octets = Buffer.allocUnsafeSlow(BLOCK);
  #used = 0;
  #writes = 0;

  holds(size: number): boolean {
    return this.#used + size <= BLOCK;
  }

  write(socket: Duplex, piece: Uint8Array): boolean {
    const start = this.#used;
    this.#octets.set(piece, start);
    this.#used += piece.length;
    this.#writes++;
    return socket.write(this.#octets.subarray(start, this.#used), this.#written);
  }

  readonly #written = (error?: Error | null): void => {
    // Of a socket that has failed nobody knows what it still reads: the block is left to it.
    if (error || --this.#writes > 0) return;
    this.#used = 0;
    this.owner = null;
    if (free.length < KEPT) free.push(this);
  };
}
