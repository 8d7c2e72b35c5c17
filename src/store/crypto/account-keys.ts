import { hkdfSync } from 'node:crypto';

/** Keys of one account, 32 octets each, derived from its data key (RFC 5869). */
export interface AccountKeys {
  readonly segments: Uint8Array;
  readonly database: Uint8Array;
}

export function deriveAccountKeys(dataKey: Uint8Array): AccountKeys {
  const derive = (purpose: string): Uint8Array => new Uint8Array(hkdfSync('sha256', dataKey, '', purpose, 32));
  return { segments: derive('archivia segments v1'), database: derive('archivia database v1') };
}
