/** So few octets are copied soonest one by one. */
const SHORT = 32;

/** Octets that grow. Integers are written seven bits an octet, the lowest first, up to 2^31 - 1. */
export class Bytes {
  #room: Uint8Array;
  length = 0;

  constructor(room = 64) {
    this.#room = new Uint8Array(room);
  }

  integer(value: number): void {
    if (this.length + 5 > this.#room.length) this.#grow(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#room[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#room[this.length++] = rest;
  }

  /** Adds a part of some octets. */
  append(octets: Uint8Array, start = 0, end = octets.length): void {
    const length = end - start;
    if (this.length + length > this.#room.length) this.#grow(length);
    if (length < SHORT) {
      const room = this.#room;
      for (let at = start, to = this.length; at < end; ) room[to++] = octets[at++] as number;
    } else this.#room.set(octets.subarray(start, end), this.length);
    this.length += length;
  }

  /** What was written, valid until the next write. */
  view(): Uint8Array {
    return this.#room.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  #grow(more: number): void {
    const room = new Uint8Array(Math.max(2 * this.#room.length, this.length + more));
    room.set(this.view());
    this.#room = room;
  }
}

/** Reads what `Bytes` wrote. */
export class Reader {
  readonly octets: Uint8Array;
  at: number;

  constructor(octets: Uint8Array, at = 0) {
    this.octets = octets;
    this.at = at;
  }

  integer(): number {
    const { octets } = this;
    let octet = octets[this.at++] as number;
    let value = octet & 0x7f;
    // Beyond the end there is nothing, which is not greater than anything.
    for (let shift = 7; octet >= 0x80; shift += 7) {
      octet = octets[this.at++] as number;
      value |= (octet & 0x7f) << shift;
    }
    return value;
  }

  /** Passes over so many integers. */
  skip(count: number): void {
    const { octets } = this;
    let { at } = this;
    for (let left = count; left > 0; left--) while ((octets[at++] as number) >= 0x80);
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.octets.length;
  }
}

/** The same numbers with as much room again. */
export function doubled(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const room = new Uint32Array(2 * numbers.length);
  room.set(numbers);
  return room;
}
