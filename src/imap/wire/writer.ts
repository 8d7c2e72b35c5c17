import type { Duplex } from 'node:stream';
import { ConnectionClosed } from '../errors.ts';
import { LIMITS } from './limits.ts';

/**
 * Output to one client. Callers push whole response lines (or a literal's pieces) and await `flush()` now and then;
 * what a slow client has not taken holds the caller up, so output is bounded.
 */
export class ResponseWriter {
  #socket: Duplex;
  #pending: (string | Uint8Array)[] = [];
  #pendingSize = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Text is sent as octets, one a character (`latin1`). */
  push(data: string | Uint8Array): void {
    this.#pending.push(data);
    this.#pendingSize += data.length;
  }

  /** `push` with CRLF. */
  line(text: string): void {
    this.push(`${text}\r\n`);
  }

  /** Whether so much waits that the caller should flush before it goes on. */
  get full(): boolean {
    return this.#pendingSize >= LIMITS.pendingOutput;
  }

  /** Hands everything to the socket; resolves when the socket can take more. */
  async flush(): Promise<void> {
    if (!this.#send()) await this.drained();
  }

  /** Passes octets on at once, behind what is pending; false when the caller should wait for `drained()`. */
  relay(octets: Uint8Array): boolean {
    if (this.#pending.length > 0) this.#send();
    return this.#socket.destroyed ? true : this.#socket.write(octets);
  }

  async drained(): Promise<void> {
    const socket = this.#socket;
    if (!socket.writableNeedDrain) return;
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        socket.off('drain', done);
        socket.off('close', done);
        if (socket.destroyed) reject(new ConnectionClosed());
        else resolve();
      };
      const timer = setTimeout(() => socket.destroy(), LIMITS.stalledWriteMilliseconds);
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  /** Goes on with another socket (STARTTLS). */
  exchange(socket: Duplex): void {
    this.#socket = socket;
  }

  #send(): boolean {
    if (this.#socket.destroyed) throw new ConnectionClosed();
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingSize = 0;
    let open = true;
    let text = '';
    // Neighbouring strings go out as one write; literals go as they are.
    for (const data of pending) {
      if (typeof data === 'string') {
        text += data;
        continue;
      }
      if (text !== '') this.#socket.write(text, 'latin1');
      text = '';
      open = this.#socket.write(data);
    }
    if (text !== '') open = this.#socket.write(text, 'latin1');
    return open;
  }
}
