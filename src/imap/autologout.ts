import type { Socket } from 'node:net';
import { LIMITS } from './wire/limits.ts';

/** How long a client is waited for, milliseconds. */
export interface ClientTimeouts {
  /** Silence of a client that has not logged in, and a TLS handshake. */
  readonly login: number;
  /** From the first octet to a good login, whatever is said meanwhile. */
  readonly beforeLogin: number;
  /** Silence of one that has. */
  readonly idle: number;
  /** From our goodbye to the end of the connection. */
  readonly parting: number;
}

export const CLIENT_TIMEOUTS: ClientTimeouts = {
  login: LIMITS.loginMilliseconds,
  beforeLogin: LIMITS.beforeLoginMilliseconds,
  idle: LIMITS.idleMilliseconds,
  parting: LIMITS.partingMilliseconds,
};

/** Ends connections whose client is waited for too long (RFC 3501 section 5.4). */
export class Autologout {
  readonly #timeouts: ClientTimeouts;
  readonly #awaited: () => boolean;
  readonly #expired: () => void;
  readonly #deadline: NodeJS.Timeout;
  #socket: Socket | null = null;
  #loggedIn = false;

  /**
   * @param awaited whether it is the client's turn: one whose login takes its time upstream is not late. After login
   * what takes long is told of now and then, or is stuck.
   */
  constructor(timeouts: ClientTimeouts, awaited: () => boolean, expired: () => void) {
    this.#timeouts = timeouts;
    this.#awaited = awaited;
    this.#expired = expired;
    this.#deadline = setTimeout(expired, timeouts.beforeLogin).unref();
  }

  /** Goes by what is heard and said on this socket, and no longer by that on the one beneath it (STARTTLS). */
  watch(socket: Socket): void {
    this.#socket?.setTimeout(0);
    this.#socket = socket;
    socket.setTimeout(this.#timeouts.login);
    socket.on('timeout', this.#onTimeout);
  }

  loggedIn(): void {
    this.#loggedIn = true;
    clearTimeout(this.#deadline);
    this.#socket?.setTimeout(this.#timeouts.idle);
  }

  /** The connection has been given up: what has been said may still be read, for so long. */
  part(): void {
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    socket?.setTimeout(0);
    setTimeout(() => socket?.destroy(), this.#timeouts.parting).unref();
  }

  readonly #onTimeout = (): void => {
    if (this.#loggedIn || this.#awaited()) this.#expired();
  };
}
