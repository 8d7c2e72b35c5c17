import type { Duplex } from 'node:stream';
import { ConnectionClosed } from '../errors.ts';
import { OutgoingBlocks } from './blocks.ts';
import { LIMITS } from './limits.ts';

/**
 * Output to one client. Callers push whole response lines (or a literal's pieces) and await `flush()` now and then;
 * what a slow client has not taken holds the caller up, so output is bounded.
 */
export class ResponseWriter {
  #socket: Duplex;
  #pending: (string | Uint8Array)[] = [];
  #pendingSize = 0;
  #written = 0;
  /** A response that is passed on is not complete: nothing of ours may stand inside it. */
  #midRelay = false;
  readonly #relayed = new OutgoingBlocks();
  #relayEnded: (() => void)[] = [];
  /** Runs of output whose octet arrays the socket may still read. */
  #unsent = 0;
  #allSent: (() => void)[] = [];

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Text is sent as octets, one a character (`latin1`). */
  push(data: string | Uint8Array): void {
    this.#pending.push(data);
    this.#pendingSize += data.length;
    this.#written++;
  }

  /** `push` with CRLF. */
  line(text: string): void {
    this.push(`${text}\r\n`);
  }

  /** Grows with everything that is written. */
  get written(): number {
    return this.#written;
  }

  /** Whether so much waits that the caller should flush before it goes on. */
  get full(): boolean {
    return this.#pendingSize >= LIMITS.pendingOutput;
  }

  /** Hands everything to the socket; resolves when the socket can take more. */
  async flush(): Promise<void> {
    while (this.#midRelay) await this.#relayEnd();
    if (!this.#send()) await this.drained();
  }

  /**
   * Passes octets on at once, behind what is pending; they may be written over when this returns. False when the caller
   * should wait for `drained()`.
   * @param more the response that they belong to goes on: what is pending waits for its end
   */
  relay(octets: Uint8Array, more = false): boolean {
    if (this.#socket.destroyed) return true;
    if (!this.#midRelay && this.#pending.length > 0) this.#send();
    const open = this.#relayed.write(this.#socket, octets);
    this.#written++;
    this.#midRelay = more;
    if (more || this.#relayEnded.length === 0) return open;
    const waiting = this.#relayEnded;
    this.#relayEnded = [];
    for (const wake of waiting) wake();
    return open;
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

  /** Resolves when the arrays that were flushed may be written over: they have been sent, or never will be. */
  async sent(): Promise<void> {
    if (this.#unsent === 0) return;
    const socket = this.#socket;
    await new Promise<void>(resolve => {
      const done = () => {
        socket.off('close', done);
        resolve();
      };
      this.#allSent.push(done);
      if (socket.closed) done();
      else socket.on('close', done);
    });
  }

  /** Goes on with another socket (STARTTLS, COMPRESS); what is pending belongs to the old one. */
  exchange(socket: Duplex): void {
    if (this.#pending.length > 0) this.#send();
    this.#socket = socket;
  }

  #relayEnd(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) throw new ConnectionClosed();
    return new Promise<void>(resolve => {
      const done = () => {
        socket.off('close', done);
        resolve();
      };
      this.#relayEnded.push(done);
      socket.on('close', done);
    }).then(() => {
      if (socket.destroyed) throw new ConnectionClosed();
    });
  }

  readonly #onSent = (): void => {
    if (--this.#unsent > 0) return;
    const waiting = this.#allSent;
    this.#allSent = [];
    for (const wake of waiting) wake();
  };

  #send(): boolean {
    if (this.#socket.destroyed) throw new ConnectionClosed();
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingSize = 0;
    let open = true;
    let text = '';
    const lastArray = pending.findLastIndex(data => typeof data !== 'string');
    if (lastArray !== -1) this.#unsent++;
    // One call of the system for all of it.
    this.#socket.cork();
    // Neighbouring strings go out as one write; literals go as they are.
    for (const [index, data] of pending.entries()) {
      if (typeof data === 'string') {
        text += data;
        continue;
      }
      if (text !== '') this.#socket.write(text, 'latin1');
      text = '';
      // Writes end in their order.
      open = index === lastArray ? this.#socket.write(data, this.#onSent) : this.#socket.write(data);
    }
    if (text !== '') open = this.#socket.write(text, 'latin1');
    this.#socket.uncork();
    return open;
  }
}
