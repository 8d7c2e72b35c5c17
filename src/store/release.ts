/** Smaller buffers may be shared with others, as Buffer's own pool is; the collector takes them soon enough. */
const MIN_RELEASED_BYTES = 1024 * 1024;

/** Frees the memory of large octets that nobody looks at any more: the collector may wait long with it. */
export function release(...octets: readonly Uint8Array[]): void {
  for (const { buffer } of octets) {
    if (buffer instanceof ArrayBuffer && buffer.byteLength >= MIN_RELEASED_BYTES) buffer.transfer(0);
  }
}
