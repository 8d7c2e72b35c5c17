const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

export class BareNewlineError extends Error {
  override readonly name = 'BareNewlineError';
}

/**
 * Doubles the dots at the beginning of lines (RFC 5321 section 4.5.2), and changes nothing else. A CR or LF on its own
 * is an error: servers disagree on what it means, which lets one message pass for two.
 */
export class DotStuffer {
  #lineStart = true;
  #afterCr = false;

  /** The octets for the wire; throws a BareNewlineError. */
  encode(chunk: Buffer): Buffer {
    const parts: Buffer[] = [];
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index];
      if (this.#afterCr !== (byte === LF)) throw new BareNewlineError('CR or LF on its own');
      if (this.#lineStart && byte === DOT) {
        parts.push(chunk.subarray(start, index + 1));
        start = index;
      }
      this.#lineStart = byte === LF;
      this.#afterCr = byte === CR;
    }
    if (parts.length === 0) return chunk;
    parts.push(chunk.subarray(start));
    return Buffer.concat(parts);
  }

  /** Whether what was encoded ends with a whole line, as the final dot needs it. */
  get atLineStart(): boolean {
    return this.#lineStart;
  }
}
