import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE = 12;
const TAG = 16;
const VERSION = 'v1';

/** `v1.` and base64 of nonce, ciphertext and tag: AES-256-GCM (NIST SP 800-38D) with `label` as associated data. */
export function seal(key: Buffer, label: string, plain: string): string {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(label, 'utf8'));
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `${VERSION}.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64')}`;
}

/** The plain text; null when key, label or any bit of the sealed value is not the one it was sealed with. */
export function unseal(key: Buffer, label: string, sealed: string): string | null {
  const [version, encoded = ''] = sealed.split('.');
  const bytes = Buffer.from(encoded, 'base64');
  if (version !== VERSION || bytes.length < NONCE + TAG) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(label, 'utf8'));
  decipher.setAuthTag(bytes.subarray(-TAG));
  try {
    const head = decipher.update(bytes.subarray(NONCE, -TAG));
    return Buffer.concat([head, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}
