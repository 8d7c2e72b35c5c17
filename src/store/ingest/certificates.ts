import { children, DerError, readElement } from '../../pki/der.ts';

const CERTIFICATES = 0xa0;

/**
 * Where the certificates lie in a CMS signature (RFC 5652 section 5.1): they are the greater part of it, and the same in
 * all messages of a gestore. null where there are none, or this is no signature.
 */
export function certificatesIn(signature: Uint8Array): { readonly start: number; readonly end: number } | null {
  try {
    const content = children(readElement(signature))[1];
    const signedData = content && children(content)[0];
    const found = signedData && children(signedData).find(({ tag }) => tag === CERTIFICATES);
    return found ? { start: found.contentStart, end: found.contentEnd } : null;
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
}
