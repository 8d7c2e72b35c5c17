import { randomBytes } from 'node:crypto';
import { boolean, integer, nothing, OID, octets, oid, sequence } from '../signature/asn1.ts';

/** What the answer must repeat. */
export interface TimestampQuery {
  readonly sha256: Uint8Array;
  /** Big-endian, positive, no leading zero octet. */
  readonly nonce: Uint8Array;
}

export function timestampQuery(sha256: Uint8Array): TimestampQuery {
  if (sha256.length !== 32) throw new TypeError('a SHA-256 digest has 32 octets');
  const nonce = randomBytes(8);
  // Positive and without a leading zero: the octets are the number.
  nonce[0] = ((nonce[0] ?? 0) & 0x7f) | 0x40;
  return { sha256, nonce };
}

/** DER of the TimeStampReq (RFC 3161 section 2.4.1), certReq set. */
export function encodeTimestampQuery(query: TimestampQuery): Uint8Array {
  return sequence(integer(1), messageImprint(query.sha256), integer(query.nonce), boolean(true));
}

export function messageImprint(sha256: Uint8Array): Uint8Array {
  return sequence(sequence(oid(OID.sha256), nothing()), octets(sha256));
}
