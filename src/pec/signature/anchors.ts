import type { ParsedCertificate } from '../../pki/parsed-certificate.ts';
import { cachedCertificate, TrustAnchors } from '../../pki/path.ts';

export interface SignatureOptions {
  /** DER of the roots (or issuers) to believe. Reuse the same array: what is read from it is remembered. */
  readonly anchors: readonly Uint8Array[];
  /** Moment of the check in milliseconds since the epoch, for remarks on expiry; now when absent. */
  readonly at?: number;
  /** DER of certificates that a path may go through besides those in the signature; nobody believes them by themselves. */
  readonly intermediates?: readonly Uint8Array[];
}

const knownAnchors = new WeakMap<readonly Uint8Array[], TrustAnchors>();

export function intermediatesOf({ intermediates = [] }: SignatureOptions): ParsedCertificate[] {
  return intermediates.flatMap(der => {
    try {
      return [cachedCertificate(der)];
    } catch {
      return [];
    }
  });
}

export function anchorsOf(options: SignatureOptions): TrustAnchors {
  const known = knownAnchors.get(options.anchors);
  if (known !== undefined) return known;
  const made = new TrustAnchors(options.anchors);
  knownAnchors.set(options.anchors, made);
  return made;
}
