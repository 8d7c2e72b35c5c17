/**
 * Who may write responses of our own: a command or a batch of notifications, one at a time, first come first served,
 * so that nothing ever stands inside another's response.
 */
export class Turn {
  #taken = false;
  readonly #waiting: (() => void)[] = [];
  /** Told whenever the turn is free and nobody waits for it. */
  onFree: (() => void) | null = null;

  get taken(): boolean {
    return this.#taken;
  }

  /** Resolves when it is the caller's turn; `leave` must follow. */
  async enter(): Promise<void> {
    if (this.#taken) await new Promise<void>(resolve => this.#waiting.push(resolve));
    this.#taken = true;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      // Stays taken: nobody else may slip in before the one who waited.
      next();
      return;
    }
    this.#taken = false;
    this.onFree?.();
  }
}
