/** A state of the automaton: one octet further into one or more open boundaries. */
interface State {
  readonly next: Map<number, State>;
  readonly parent: State | null;
  readonly octet: number;
  /** Levels whose boundary ends here, outermost first. */
  readonly levels: number[];
}

function newState(parent: State | null, octet: number): State {
  return { next: new Map(), parent, octet, levels: [] };
}

/**
 * The boundaries that are open at a point of a message, as a trie: one walk along a line finds the longest of them
 * that the line begins with, however many are open. Prefix, not equality, is what RFC 2046 section 5.1.1 asks for; the
 * longest wins so that boundary `a` does not match the delimiter of an open boundary `ab`; of equal ones the innermost.
 */
export class Boundaries {
  #root = newState(null, 0);
  readonly #ends = new Map<number, State>();

  get size(): number {
    return this.#ends.size;
  }

  /** Opens the boundary of the multipart at `level` of the stack. */
  open(level: number, boundary: Uint8Array): void {
    let state = this.#root;
    for (const octet of boundary) {
      let next = state.next.get(octet);
      if (!next) {
        next = newState(state, octet);
        state.next.set(octet, next);
      }
      state = next;
    }
    state.levels.push(level);
    this.#ends.set(level, state);
  }

  /** Closes the boundary of `level`, if it is open. */
  close(level: number): void {
    let state = this.#ends.get(level);
    if (!state) return;
    this.#ends.delete(level);
    // Levels close innermost first, except for an epilogue, where the inner ones are closed already.
    state.levels.splice(state.levels.indexOf(level), 1);
    while (state.parent && state.levels.length === 0 && state.next.size === 0) {
      state.parent.next.delete(state.octet);
      state = state.parent;
    }
  }

  clear(): void {
    this.#root = newState(null, 0);
    this.#ends.clear();
  }

  /**
   * Matches the text after the two dashes of a possible delimiter line.
   * @returns the level, and the position after the boundary; null when no open boundary stands there.
   */
  match(raw: Uint8Array, position: number): { readonly level: number; readonly end: number } | null {
    let state: State | undefined = this.#root;
    let level = -1;
    let end = position;
    for (let i = position; ; i++) {
      const innermost: number | undefined = state.levels.at(-1);
      if (innermost !== undefined) {
        level = innermost;
        end = i;
      }
      const octet = raw[i];
      if (octet === undefined) break;
      state = state.next.get(octet);
      if (!state) break;
    }
    return level < 0 ? null : { level, end };
  }
}
