/** Octets of one buffer: so many that a run of headers needs a few, so few that what is left over costs little. */
const SMALLEST = 64 * 1024;
const LARGEST = 1024 * 1024;

/**
 * Room for the sections of one fetch call in a few large buffers: they change threads as they are, where thousands of
 * small ones would be made anew one by one.
 */
export class Slab {
  #buffer: Uint8Array;
  #used = 0;
  /** Octets of the last buffer that was made. */
  #made = 0;

  /** @param room is filled before buffers are made */
  constructor(room?: ArrayBuffer) {
    this.#buffer = room ? new Uint8Array(room) : new Uint8Array(0);
  }

  /** A place of that many octets, to be filled by the caller. */
  take(length: number): Uint8Array {
    if (this.#used + length > this.#buffer.length) {
      const next = Math.min(LARGEST, Math.max(SMALLEST, this.#made * 2));
      this.#made = next;
      this.#buffer = new Uint8Array(Math.max(next, length));
      this.#used = 0;
    }
    const place = this.#buffer.subarray(this.#used, this.#used + length);
    this.#used += length;
    return place;
  }

  copy(bytes: Uint8Array): Uint8Array {
    const place = this.take(bytes.length);
    place.set(bytes);
    return place;
  }
}
