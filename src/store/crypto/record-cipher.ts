import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto';

const NONCE = 12;
const TAG = 16;
/** What sealing adds to a record's octets. */
export const SEAL_BYTES = NONCE + TAG;
const OPTIONS = { authTagLength: TAG };

/** Where a record begins: its identity, since a place in an append-only file is written once. */
export interface Location {
  readonly segment: number;
  readonly offset: number;
}

/**
 * AES-256-GCM (NIST SP 800-38D) over the octets of segment records: nonce, ciphertext, tag. Header and place are
 * associated data, so that a record moved, swapped or taken from another archive does not open.
 */
export class RecordCipher {
  readonly #key: KeyObject;
  /** Nonces are random; they are drawn many at a time. */
  readonly #nonces = Buffer.alloc(NONCE * 256);
  #used = this.#nonces.length;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** @param parts octets to seal as one */
  seal(header: Uint8Array, at: Location, ...parts: readonly Uint8Array[]): Uint8Array[] {
    const nonce = this.#nonce();
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, OPTIONS);
    cipher.setAAD(associated(header, at));
    const body = parts.map(octets => cipher.update(octets));
    cipher.final();
    return [nonce, ...body, cipher.getAuthTag()];
  }

  /** null when key, header, place or any bit is not what was sealed. */
  open(header: Uint8Array, at: Location, sealed: Uint8Array): Uint8Array | null {
    const tag = sealed.length - TAG;
    if (tag < NONCE) return null;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE), OPTIONS);
    decipher.setAAD(associated(header, at));
    decipher.setAuthTag(sealed.subarray(tag));
    const octets = decipher.update(sealed.subarray(NONCE, tag));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return octets;
  }

  #nonce(): Uint8Array {
    if (this.#used === this.#nonces.length) {
      randomFillSync(this.#nonces);
      this.#used = 0;
    }
    const nonce = Uint8Array.from(this.#nonces.subarray(this.#used, this.#used + NONCE));
    this.#used += NONCE;
    return nonce;
  }
}

const PLACE_BYTES = 12;
/** Read at once: one is as good as many. */
let data = Buffer.alloc(0);

function associated(header: Uint8Array, { segment, offset }: Location): Uint8Array {
  if (data.length !== header.length + PLACE_BYTES) data = Buffer.alloc(header.length + PLACE_BYTES);
  data.set(header);
  data.writeUInt32LE(segment, header.length);
  // 64 bits, little-endian.
  data.writeUInt32LE(offset % 2 ** 32, header.length + 4);
  data.writeUInt32LE(Math.floor(offset / 2 ** 32), header.length + 8);
  return data;
}
