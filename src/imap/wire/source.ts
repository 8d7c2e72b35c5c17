import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Octets of one socket, pulled: nothing is read from the network before somebody asks, so a peer cannot fill our
 * memory. The socket can be exchanged (STARTTLS).
 */
export class ByteSource {
  #socket: Duplex;
  #buffer: Buffer = NOTHING;
  #ended = false;
  #wake: (() => void) | null = null;
  readonly #onReadable = () => this.#wake?.();
  readonly #onEnd = () => {
    this.#ended = true;
    this.#wake?.();
  };

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#listen();
  }

  /** What has been read from the socket and not yet been taken. */
  get buffered(): Buffer {
    return this.#buffer;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether somebody waits for octets. */
  get awaited(): boolean {
    return this.#wake !== null;
  }

  /** Takes the first `length` buffered octets away. */
  consume(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    // An empty slice would hold the memory of all that has been.
    this.#buffer = length < this.#buffer.length ? this.#buffer.subarray(length) : NOTHING;
    return taken;
  }

  /**
   * The same for octets that nobody keeps: their memory is free when `use` has returned, and not when a collection
   * comes, before which tens of megabytes would pile up.
   */
  lend<T>(length: number, use: (octets: Buffer) => T): T {
    const octets = this.consume(length);
    const result = use(octets);
    const { buffer } = octets;
    // A chunk of the network has memory of its own, but several of TLS share some: Node uses the rest of it.
    const own = this.#socket instanceof Socket && buffer.byteLength === length;
    if (own && buffer instanceof ArrayBuffer) buffer.transfer(0);
    return result;
  }

  /** Puts octets back in front, to be read again. */
  unread(octets: Uint8Array): void {
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(octets) : Buffer.concat([octets, this.#buffer]);
  }

  /** Waits for more octets; false at the end of the stream. */
  async more(): Promise<boolean> {
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) {
        this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
        return true;
      }
      if (this.#ended || this.#socket.destroyed) return false;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  /**
   * Goes on with another socket. What was read in clear text and not yet taken is thrown away: it may have been
   * injected before the handshake (CVE-2021-33515).
   */
  exchange(socket: Duplex): void {
    this.release();
    this.#buffer = NOTHING;
    this.#socket = socket;
    this.#listen();
  }

  /** Stops listening, so that a TLS socket can take the raw one over. */
  release(): void {
    this.#socket.off('readable', this.#onReadable);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
  }

  #listen(): void {
    this.#socket.on('readable', this.#onReadable);
    this.#socket.on('end', this.#onEnd);
    this.#socket.on('close', this.#onEnd);
  }
}
