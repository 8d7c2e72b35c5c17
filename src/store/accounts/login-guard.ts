import { createHmac, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { LRUCache } from 'lru-cache';
import type { LoginGuard, LoginOutcome } from './types.ts';

export interface LoginGuardOptions {
  /** How long an answer about a password holds, milliseconds. */
  readonly ttlMs: number;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/** Answers remembered at a time, over all accounts. One takes some 200 octets. */
const MAX_ANSWERS = 20_000;
/** Unproven passwords of one account waiting for their turn; whoever comes next is told `unavailable`. */
const MAX_WAITING = 16;

/**
 * Remembers for a while which passwords the upstream refused and which it accepted. A password is known by its
 * HMAC-SHA-256 under a key that lives and dies with the process.
 */
export function createLoginGuard(options: LoginGuardOptions): LoginGuard {
  return new Guard(options);
}

class Guard implements LoginGuard {
  readonly #key = randomBytes(32);
  readonly #now: () => number;
  readonly #ttlMs: number;
  readonly #answers = new LRUCache<string, { readonly accepted: boolean; readonly until: number }>({
    max: MAX_ANSWERS,
  });
  /** Logins on their way, by the password's digest. */
  readonly #underWay = new Map<string, Promise<LoginOutcome>>();
  /** By address: the end of the queue of unproven passwords, and its length. */
  readonly #queues = new Map<string, { tail: Promise<unknown>; length: number }>();
  readonly #events = new EventEmitter<{ accepted: [address: string] }>().setMaxListeners(0);

  constructor({ ttlMs, now = Date.now }: LoginGuardOptions) {
    this.#ttlMs = ttlMs;
    this.#now = now;
  }

  isRefused(address: string, password: string): boolean {
    return this.#answer(this.#digest(address, password)) === 'refused';
  }

  refused(address: string, password: string): void {
    this.#remember(this.#digest(address, password), false);
  }

  accepted(address: string, password: string): void {
    this.#remember(this.#digest(address, password), true);
    this.#events.emit('accepted', address.toLowerCase());
  }

  onAccepted(listener: (address: string) => void): () => void {
    this.#events.on('accepted', listener);
    return () => void this.#events.off('accepted', listener);
  }

  async attempt(address: string, password: string, login: () => Promise<LoginOutcome>): Promise<LoginOutcome> {
    const digest = this.#digest(address, password);
    for (;;) {
      const known = this.#answer(digest);
      if (known === 'refused') return 'refused';
      if (known === 'accepted') return this.#run(address, password, login);
      const underWay = this.#underWay.get(digest);
      if (underWay === undefined) break;
      const outcome = await underWay.catch((): LoginOutcome => 'unavailable');
      if (outcome !== 'accepted') return outcome;
      // Accepted: this caller needs a login of its own, and goes through as proven in the next round.
    }
    const turn = this.#inTurn(address, () => this.#run(address, password, login));
    this.#underWay.set(digest, turn);
    try {
      return await turn;
    } finally {
      this.#underWay.delete(digest);
    }
  }

  async #run(address: string, password: string, login: () => Promise<LoginOutcome>): Promise<LoginOutcome> {
    const outcome = await login();
    if (outcome === 'accepted') this.accepted(address, password);
    else if (outcome === 'refused') this.refused(address, password);
    return outcome;
  }

  /** One unproven password of an account at a time: five guesses at once would lock the mailbox like five in a row. */
  async #inTurn(address: string, task: () => Promise<LoginOutcome>): Promise<LoginOutcome> {
    const name = address.toLowerCase();
    const queue = this.#queues.get(name) ?? { tail: Promise.resolve(), length: 0 };
    if (queue.length >= MAX_WAITING) return 'unavailable';
    this.#queues.set(name, queue);
    queue.length += 1;
    const turn = queue.tail.then(task);
    queue.tail = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) this.#queues.delete(name);
    }
  }

  #answer(digest: string): 'accepted' | 'refused' | null {
    const answer = this.#answers.get(digest);
    if (answer === undefined) return null;
    if (answer.until <= this.#now()) {
      this.#answers.delete(digest);
      return null;
    }
    return answer.accepted ? 'accepted' : 'refused';
  }

  #remember(digest: string, accepted: boolean): void {
    this.#answers.set(digest, { accepted, until: this.#now() + this.#ttlMs });
  }

  #digest(address: string, password: string): string {
    // The NUL keeps ("ab", "c") apart from ("a", "bc"); neither may hold one (RFC 4616).
    return createHmac('sha256', this.#key).update(`${address.toLowerCase()}\0${password}`).digest('base64');
  }
}
