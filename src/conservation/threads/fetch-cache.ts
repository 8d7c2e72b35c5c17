/** A list is asked for again after this, whatever it says of itself, and one that could not be had after less. */
const FRESH = 3_600_000;
const RETRY = 600_000;
const MAX_CACHED = 64;

/** What was fetched, or could not be, by one thread: one message after another asks for the same. */
export class FetchCache {
  readonly #fetched = new Map<string, { readonly at: number; readonly octets: Promise<Uint8Array | null> }>();

  /** @param load null: it is not to be had */
  async get(key: string, load: () => Promise<Uint8Array | null>): Promise<Uint8Array | null> {
    const now = performance.now();
    const known = this.#fetched.get(key);
    if (known !== undefined) {
      const octets = await known.octets;
      if (now - known.at < (octets === null ? RETRY : FRESH)) return octets;
    }
    const octets = load();
    if (this.#fetched.size >= MAX_CACHED) this.#fetched.delete(this.#fetched.keys().next().value ?? '');
    this.#fetched.set(key, { at: now, octets });
    return octets;
  }
}
