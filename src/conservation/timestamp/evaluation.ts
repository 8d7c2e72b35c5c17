import { randomBytes } from 'node:crypto';
import { generalizedTime, integer, OID, oid, sequence } from '../signature/asn1.ts';
import { type SigningKey, signAttached } from '../signature/cms.ts';
import { messageImprint } from './request.ts';

/** Policy of the evaluation stamps: from the arc 2.999, which is set aside for examples (ITU-T X.660). */
const POLICY = '2.999.1';

/** A TimeStampToken made here, DER: the right format, and no legal value. Work for a worker thread. */
export function makeEvaluationToken(key: SigningKey, digest: Uint8Array, now: number): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const info = sequence(integer(1), oid(POLICY), messageImprint(digest), integer(serial), generalizedTime(now));
  return signAttached(key, info, now, OID.tstInfo);
}
