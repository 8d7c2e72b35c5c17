import type { Socket } from 'node:net';
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';

/**
 * Memory of a compressed session, beyond the socket's own: 32 KiB + 32 KiB of deflate state with these two, at most
 * 40 KiB of inflate state (a peer may use the whole window of 32 KiB), and two output chunks of 16 KiB: about
 * 140 KiB. zlib's defaults would take 256 KiB for deflate alone.
 */
const WINDOW_BITS = 13;
const MEMORY_LEVEL = 6;
/** Mail is mostly base64: higher levels cost processor time and gain next to nothing. */
const LEVEL = 3;
const CHUNK = 16 * 1024;
/** Octets queued towards zlib and behind it, each way. */
const HIGH_WATER_MARK = 16 * 1024;

/**
 * DEFLATE on top of a client's connection (RFC 4978). zlib works on threads of its own. Every write ends with a sync
 * flush, so that the client can read all of it at once; what the client sends is inflated as far as it goes after any
 * kind of flush, and only as fast as it is read: an inflate bomb stays on the wire.
 */
export class Compression {
  /** What the client sent, to be read in place of the socket. */
  readonly input: InflateRaw;
  /** To be written to in place of the socket. */
  readonly output: DeflateRaw;
  #finished = false;

  /**
   * @param early octets that came behind the COMPRESS command: they are compressed already
   * @param broken told once when what the client sends is no DEFLATE stream
   */
  constructor(socket: Socket, early: Uint8Array, broken: (error: Error) => void) {
    const { Z_SYNC_FLUSH } = constants;
    const shared = { chunkSize: CHUNK, highWaterMark: HIGH_WATER_MARK, flush: Z_SYNC_FLUSH };
    // A client that hangs up without a final block has done nothing wrong.
    this.input = createInflateRaw({ ...shared, finishFlush: Z_SYNC_FLUSH });
    this.output = createDeflateRaw({ ...shared, level: LEVEL, windowBits: WINDOW_BITS, memLevel: MEMORY_LEVEL });
    this.input.once('error', broken);
    // Of a write that came too late nobody needs to hear: the connection is closing.
    this.output.on('error', () => {});
    this.output.once('end', () => {
      this.#finished = true;
      socket.destroySoon();
    });
    // Given up rather than ended: a client that reads nothing.
    this.output.once('close', () => {
      if (!this.#finished) socket.destroy();
    });
    socket.once('close', () => {
      // What came before the client's goodbye is still to be read.
      if (!socket.readableEnded) this.input.destroy();
      this.output.destroy();
    });
    if (early.length > 0) this.input.write(early);
    socket.pipe(this.input);
    this.output.pipe(socket, { end: false });
  }

  /** Sends what is pending and closes the connection. */
  end(): void {
    this.output.end();
  }
}
