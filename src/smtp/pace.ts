const MINUTE = 60_000;
/** What a client waits at most: its own patience is often 100 seconds. */
const LONGEST_WAIT = MINUTE;

/** Keeps each mailbox within the messages a minute that its provider takes. One for all ports of a server. */
export class Pace {
  /** When the last messages went, or will go, milliseconds; by address. */
  readonly #turns = new Map<string, number[]>();

  /**
   * Waits for the mailbox's next turn. `wait` false: there is one now or never.
   * @returns the way to give the turn back when nothing was sent; null when no turn comes in time
   */
  async take(address: string, perMinute: number, wait: boolean): Promise<(() => void) | null> {
    const now = Date.now();
    const turns = (this.#turns.get(address) ?? []).filter(turn => turn > now - MINUTE);
    const before = turns.at(-perMinute);
    const at = before === undefined ? now : Math.max(now, before + MINUTE);
    if (at - now > (wait ? LONGEST_WAIT : 0)) return null;
    turns.push(at);
    this.#turns.set(address, turns);
    if (at > now) await new Promise(resolve => setTimeout(resolve, at - now).unref());
    return () => this.#giveBack(address, at);
  }

  #giveBack(address: string, at: number): void {
    const turns = this.#turns.get(address) ?? [];
    const index = turns.indexOf(at);
    if (index >= 0) turns.splice(index, 1);
    if (turns.length === 0) this.#turns.delete(address);
  }
}
