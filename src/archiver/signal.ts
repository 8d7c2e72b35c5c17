/** A bell that one loop waits for. Rung while nobody waits, it is heard at the next wait. */
export class Signal {
  #rung = false;
  #heard: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#heard?.();
  }

  /** Resolves when the bell rings, at the latest after `milliseconds`. */
  async wait(milliseconds: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, milliseconds);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#heard = null;
    }
    this.#rung = false;
  }
}
