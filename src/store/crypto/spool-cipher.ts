import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-ctr';
/** Each key is used for one file only, so that the counter may begin anywhere. */
const START = new Uint8Array(16);

/** The key of one spool file; it is written nowhere, so that what a crash leaves behind is noise. */
export function spoolKey(): Uint8Array {
  return randomBytes(32);
}

/** Unauthenticated: the file is read once, by who wrote it. */
export function sealSpool(key: Uint8Array): Cipheriv {
  return createCipheriv(ALGORITHM, key, START);
}

export function openSpool(key: Uint8Array): Decipheriv {
  return createDecipheriv(ALGORITHM, key, START);
}
