import { randomBytes } from 'node:crypto';
import type { DigestName } from '../evidence/hash-tree.ts';
import { boolean, DIGEST_OIDS, integer, nothing, octets, oid, sequence } from '../signature/asn1.ts';

/** What the answer must repeat. */
export interface TimestampQuery {
  /** SHA-256, SHA-384 or SHA-512: its length says which. */
  readonly digest: Uint8Array;
  /** Big-endian, positive, no leading zero octet. */
  readonly nonce: Uint8Array;
  /** OID of the policy that the stamp must be made under; null leaves it to the TSA. */
  readonly policy: string | null;
}

const BY_LENGTH: Readonly<Record<number, DigestName>> = { 32: 'sha256', 48: 'sha384', 64: 'sha512' };

export function digestKind(digest: Uint8Array): DigestName {
  const kind = BY_LENGTH[digest.length];
  if (kind === undefined) throw new TypeError(`no digest has ${digest.length} octets`);
  return kind;
}

export function timestampQuery(digest: Uint8Array, policy: string | null = null): TimestampQuery {
  digestKind(digest);
  const nonce = randomBytes(8);
  // Positive and without a leading zero: the octets are the number.
  nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
  return { digest, nonce, policy };
}

/** DER of the TimeStampReq (RFC 3161 section 2.4.1), certReq set. */
export function encodeTimestampQuery(query: TimestampQuery): Uint8Array {
  return sequence(
    integer(1),
    messageImprint(query.digest),
    ...(query.policy === null ? [] : [oid(query.policy)]),
    integer(query.nonce),
    boolean(true),
  );
}

export function messageImprint(digest: Uint8Array): Uint8Array {
  return sequence(sequence(oid(DIGEST_OIDS[digestKind(digest)]), nothing()), octets(digest));
}
