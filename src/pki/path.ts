/** Certification paths to a set of anchors, at a moment in time (RFC 5280 section 6, without revocation). */
import { createHash } from 'node:crypto';
import { inSubtree, KEY_USAGE, type ParsedCertificate, parseCertificate } from './parsed-certificate.ts';

const OID_EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4';
const OID_ANY_PURPOSE = '2.5.29.37.0';

/** Longest path tried, and most signatures checked on the way: certificates inside a message may be hostile. */
const MAX_PATH = 6;
const MAX_CHECKS = 48;
const MAX_CACHED = 512;

/** Gestori sign millions of messages with a few certificates; parsing one costs more than checking a signature. */
const parsed = new Map<string, ParsedCertificate>();

/** Like parseCertificate, remembering the last few hundred. */
export function cachedCertificate(der: Uint8Array): ParsedCertificate {
  const key = createHash('sha256').update(der).digest('latin1');
  const known = parsed.get(key);
  if (known !== undefined) return known;
  // A copy: the caller's bytes are often a slice of a whole message.
  const certificate = parseCertificate(der.slice());
  if (parsed.size >= MAX_CACHED) parsed.delete(parsed.keys().next().value ?? '');
  parsed.set(key, certificate);
  return certificate;
}

/** Anchors by subject; those that cannot be read are left out. */
export class TrustAnchors {
  readonly #bySubject = new Map<string, ParsedCertificate[]>();
  readonly #fingerprints = new Set<string>();

  constructor(anchors: readonly Uint8Array[]) {
    for (const der of anchors) {
      try {
        const certificate = cachedCertificate(der);
        const key = nameKey(certificate.subject);
        this.#bySubject.set(key, [...(this.#bySubject.get(key) ?? []), certificate]);
        this.#fingerprints.add(certificate.x509.fingerprint256);
      } catch {
        // A bundle may hold an entry that this build cannot read; the others still count.
      }
    }
  }

  named(subject: Uint8Array): readonly ParsedCertificate[] {
    return this.#bySubject.get(nameKey(subject)) ?? [];
  }

  has(certificate: ParsedCertificate): boolean {
    return this.#fingerprints.has(certificate.x509.fingerprint256);
  }
}

function nameKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
}

/**
 * The path from a leaf to an anchor, leaf first, every certificate on it valid at `at` and allowed to stand where it
 * stands; null when there is none.
 */
export function findPath(
  leaf: ParsedCertificate,
  others: readonly ParsedCertificate[],
  anchors: TrustAnchors,
  at: number,
): readonly ParsedCertificate[] | null {
  let checks = 0;
  const signedBy = (child: ParsedCertificate, issuer: ParsedCertificate): boolean => {
    if (++checks > MAX_CHECKS || Buffer.compare(child.issuer, issuer.subject) !== 0) return false;
    return isSignedBy(child, issuer);
  };
  const extend = (path: readonly ParsedCertificate[]): readonly ParsedCertificate[] | null => {
    const last = path.at(-1);
    if (last === undefined || !validAt(last, at)) return null;
    if (anchors.has(last)) return path;
    for (const anchor of anchors.named(last.issuer)) {
      if (validAt(anchor, at) && mayIssue(anchor, path) && signedBy(last, anchor)) return [...path, anchor];
    }
    if (path.length >= MAX_PATH) return null;
    // Anchors are believed as they are (version 1 roots say nothing about themselves); others must be authorities.
    for (const issuer of others) {
      if (path.includes(issuer) || !issuer.authority || !mayIssue(issuer, path)) continue;
      const found = signedBy(last, issuer) ? extend([...path, issuer]) : null;
      if (found !== null) return found;
    }
    return null;
  };
  return leaf.unknownCritical.length > 0 ? null : extend([leaf]);
}

/** What was found of pairs of certificates, which come again with every message of a gestore. */
const signatures = new WeakMap<ParsedCertificate, WeakMap<ParsedCertificate, boolean>>();

function isSignedBy(child: ParsedCertificate, issuer: ParsedCertificate): boolean {
  let known = signatures.get(child);
  if (known === undefined) {
    known = new WeakMap();
    signatures.set(child, known);
  }
  let signed = known.get(issuer);
  if (signed === undefined) {
    try {
      signed = child.x509.verify(issuer.x509.publicKey);
    } catch {
      signed = false; // a key or an algorithm that this OpenSSL does not have
    }
    known.set(issuer, signed);
  }
  return signed;
}

export function validAt(certificate: ParsedCertificate, at: number): boolean {
  // Validity is written to the second and includes both ends.
  return certificate.notBefore <= at && at < certificate.notAfter + 1000;
}

/** What an issuer's own extensions say about the path below it. */
function mayIssue(issuer: ParsedCertificate, below: readonly ParsedCertificate[]): boolean {
  if (issuer.unknownCritical.length > 0) return false;
  if (issuer.keyUsage !== null && (issuer.keyUsage & KEY_USAGE.keyCertSign) === 0) return false;
  // Self-issued certificates do not count (RFC 5280 section 4.2.1.9); none of the gestori's paths has any.
  if (issuer.pathLength !== null && below.length - 1 > issuer.pathLength) return false;
  if (!servesEmail(issuer)) return false;
  return below.every(certificate => certificate.emails.every(email => emailAllowed(issuer, email)));
}

function emailAllowed(issuer: ParsedCertificate, email: string): boolean {
  if (issuer.excludedEmails.some(base => inSubtree(email, base))) return false;
  return issuer.permittedEmails === null || issuer.permittedEmails.some(base => inSubtree(email, base));
}

/** Extended key usage, where written, names e-mail protection or everything. */
export function servesEmail(certificate: ParsedCertificate): boolean {
  const usages = certificate.extendedKeyUsage;
  return usages === null || usages.includes(OID_EMAIL_PROTECTION) || usages.includes(OID_ANY_PURPOSE);
}
