import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { AccountStore } from '../../store/types.ts';
import { EvidenceError } from '../errors.ts';
import type { DigestName } from '../evidence/hash-tree.ts';
import { PackageProof } from '../evidence/proof.ts';
import type { ConservationPool } from '../threads/pool.ts';
import { describeTimestampToken } from '../timestamp/response.ts';

/** A stamp is renewed this long before the certificate of its TSA expires. */
const RENEW_BEFORE = 180 * 86_400_000;
/** Algorithms that are no longer trusted to last: what was hashed with them is hashed anew. */
const WEAK: readonly DigestName[] = [];

export interface RenewalStatus {
  readonly packageId: string;
  readonly directory: string;
  readonly messages: readonly string[];
  /** Renewals so far. */
  readonly renewals: number;
  /** Of the last stamp. */
  readonly digest: DigestName;
  readonly token: Uint8Array;
  /** When it was made, and until when its certificate is valid: milliseconds since the epoch. */
  readonly stampedAt: number;
  readonly expires: number;
  /** When it should be renewed. */
  readonly dueAt: number;
  /** Why it is due now; null when it is not. */
  readonly due: 'certificate' | 'algorithm' | null;
  /** Why nothing can be said. */
  readonly fault: string | null;
}

/** The last stamp of every package of the account. */
export async function renewalStatus(
  pool: ConservationPool,
  account: AccountStore,
  now: number,
): Promise<RenewalStatus[]> {
  const statuses: RenewalStatus[] = [];
  for (const { packageId, messages } of await account.packages()) {
    const directory = join(account.directory, 'evidence', packageId);
    const facts = await pool.run('describeStamp', { directory });
    const dueAt = facts.expires - RENEW_BEFORE;
    const weak = WEAK.includes(facts.digest);
    statuses.push({
      packageId,
      directory,
      messages: messages.map(({ message }) => message),
      ...facts,
      dueAt,
      due: facts.fault !== null ? null : weak ? 'algorithm' : now >= dueAt ? 'certificate' : null,
    });
  }
  return statuses;
}

type StampDescription = Pick<RenewalStatus, 'renewals' | 'digest' | 'token' | 'stampedAt' | 'expires' | 'fault'>;

/** Work for a worker thread. Never throws for what is wrong with the package. */
export async function describeStamp({ directory }: { readonly directory: string }): Promise<StampDescription> {
  try {
    const proof = await PackageProof.read(directory);
    const { digest, token } = proof.latest;
    const { time, certificates } = describeTimestampToken(token);
    const [leaf] = certificates;
    if (leaf === undefined) throw new EvidenceError('the stamp has no certificate');
    const expires = new X509Certificate(leaf).validToDate.getTime();
    return { renewals: proof.renewals.length, digest, token, stampedAt: time, expires, fault: null };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { renewals: 0, digest: 'sha256', token: new Uint8Array(), stampedAt: 0, expires: 0, fault };
  }
}
