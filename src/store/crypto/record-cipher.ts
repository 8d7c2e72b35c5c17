import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';

const NONCE = 12;
const TAG = 16;
/** What sealing adds to a record's octets. */
export const SEAL_BYTES = NONCE + TAG;

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
  readonly #key: Uint8Array;
  /** Nonces are random; they are drawn many at a time. */
  readonly #nonces = Buffer.alloc(NONCE * 256);
  #used = this.#nonces.length;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(header: Uint8Array, at: Location, octets: Uint8Array): Uint8Array[] {
    const nonce = this.#nonce();
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG });
    cipher.setAAD(associated(header, at));
    const body = cipher.update(octets);
    cipher.final();
    return [nonce, body, cipher.getAuthTag()];
  }

  /** null when key, header, place or any bit is not what was sealed. */
  open(header: Uint8Array, at: Location, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < SEAL_BYTES) return null;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE), { authTagLength: TAG });
    decipher.setAAD(associated(header, at));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    const octets = decipher.update(sealed.subarray(NONCE, sealed.length - TAG));
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

function associated(header: Uint8Array, { segment, offset }: Location): Uint8Array {
  const place = Buffer.alloc(12);
  place.writeUInt32LE(segment, 0);
  place.writeBigUInt64LE(BigInt(offset), 4);
  return Buffer.concat([header, place]);
}
