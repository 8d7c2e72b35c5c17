/** EvidenceRecord of RFC 4998, DER: what proves one document by stamps that many share, and their renewals. */
import { createHash } from 'node:crypto';
import {
  children,
  DerError,
  type Element,
  encode,
  expectTag,
  octetString,
  oidOf,
  readElement,
  smallInteger,
  TAG,
  wholeOf,
} from '../../pki/der.ts';
import { EvidenceError } from '../errors.ts';
import { DIGEST_OIDS, integer, octets, oid, sequence } from '../signature/asn1.ts';
import { type DigestName, type ReducedPath, rootOf } from './hash-tree.ts';

/** One stamp with the path that leads to it. */
export interface ArchiveTimestamp {
  readonly digest: DigestName;
  readonly path: ReducedPath;
  /** DER of the TimeStampToken. */
  readonly token: Uint8Array;
}

/** Stamps renewed with the same digest algorithm, oldest first. */
export type TimestampChain = readonly ArchiveTimestamp[];

const MAX_STAMPS = 1000;

export function encodeEvidenceRecord(chains: readonly TimestampChain[]): Uint8Array {
  const digests = [...new Set(chains.flat().map(stamp => stamp.digest))];
  return sequence(
    integer(1),
    sequence(...digests.map(digest => sequence(oid(DIGEST_OIDS[digest])))),
    encodeSequence(chains),
  );
}

/** ArchiveTimeStampSequence, which a hash-tree renewal hashes (RFC 4998 section 5.2). */
export function encodeSequence(chains: readonly TimestampChain[]): Uint8Array {
  return sequence(...chains.map(chain => sequence(...chain.map(encodeStamp))));
}

function encodeStamp({ digest, path, token }: ArchiveTimestamp): Uint8Array {
  const lists = path.map(list => sequence(...list.map(octets)));
  return sequence(
    encode(0xa0, [oid(DIGEST_OIDS[digest])]),
    ...(lists.length === 0 ? [] : [encode(0xa2, lists)]),
    token,
  );
}

/** Throws a DerError when the bytes are no evidence record, an EvidenceError when its algorithms are not known here. */
export function readEvidenceRecord(bytes: Uint8Array): TimestampChain[] {
  const record = expectTag(readElement(bytes), TAG.sequence);
  if (record.end !== bytes.length) throw new DerError('something follows the evidence record');
  const [version, , ...rest] = children(record);
  if (smallInteger(expectTag(version, TAG.integer)) !== 1) throw new DerError('not version 1');
  const chains = children(expectTag(rest.at(-1), TAG.sequence));
  const read = chains.map(chain => children(expectTag(chain, TAG.sequence)).map(readStamp));
  if (read.length === 0 || read.some(chain => chain.length === 0)) throw new DerError('a chain without stamps');
  if (read.flat().length > MAX_STAMPS) throw new DerError('too many stamps');
  return read;
}

function readStamp(element: Element): ArchiveTimestamp {
  const fields = children(expectTag(element, TAG.sequence));
  const token = fields.at(-1);
  const algorithm = fields.find(field => field.tag === 0xa0);
  const tree = fields.find(field => field.tag === 0xa2);
  if (token === undefined || algorithm === undefined) throw new DerError('the stamp is incomplete');
  const named = oidOf(children(algorithm)[0]);
  const digest = digestNamed(named);
  if (digest === null) throw new EvidenceError(`digest algorithm ${named} is not known here`);
  const lists = tree === undefined ? [] : children(tree);
  const path = lists.map(list =>
    children(expectTag(list, TAG.sequence)).map(hash => Buffer.from(octetString(expectTag(hash, TAG.octetString)))),
  );
  return { digest, path, token: wholeOf(expectTag(token, TAG.sequence)) };
}

export function digestNamed(dotted: string): DigestName | null {
  const found = Object.entries(DIGEST_OIDS).find(([, known]) => known === dotted);
  return found === undefined ? null : (found[0] as DigestName);
}

/** Checks one stamp: signature, imprint over that root, certificate. Gives its time, or throws. */
export type StampCheck = (token: Uint8Array, digest: DigestName, root: Uint8Array) => number;

/**
 * Verifies a record for a document (RFC 4998 section 5.3). `documentDigest` gives the document's digest by that algorithm. Gives the
 * times of the stamps, oldest first: the document existed at the first. Throws an EvidenceError that says what fails.
 */
export function verifyEvidenceRecord(
  chains: readonly TimestampChain[],
  documentDigest: (digest: DigestName) => Uint8Array,
  checkStamp: StampCheck,
): number[] {
  const times: number[] = [];
  for (const [number, chain] of chains.entries()) {
    let previous: ArchiveTimestamp | null = null;
    for (const stamp of chain) {
      const before = { previous, earlier: chains.slice(0, number), time: times.at(-1) ?? 0 };
      try {
        times.push(verifyStamp(stamp, before, documentDigest, checkStamp));
      } catch (error) {
        throw new StampFault(times.length, error instanceof Error ? error.message : String(error));
      }
      previous = stamp;
    }
  }
  return times;
}

/** Which stamp of a record does not hold, from 0. */
export class StampFault extends EvidenceError {
  readonly stamp: number;
  constructor(stamp: number, message: string) {
    super(message);
    this.stamp = stamp;
  }
}

function verifyStamp(
  stamp: ArchiveTimestamp,
  before: {
    readonly previous: ArchiveTimestamp | null;
    readonly earlier: readonly TimestampChain[];
    readonly time: number;
  },
  documentDigest: (digest: DigestName) => Uint8Array,
  checkStamp: StampCheck,
): number {
  const { previous, earlier } = before;
  if (previous !== null && previous.digest !== stamp.digest) {
    throw new EvidenceError('a chain changes its digest algorithm');
  }
  const root = rootOf(leafOf(stamp.digest, previous, earlier, documentDigest), stamp.path, stamp.digest);
  if (root === null) throw new EvidenceError('the hash is not in the reduced hash tree');
  const time = checkStamp(stamp.token, stamp.digest, root);
  if (time < before.time) throw new EvidenceError('a renewal is older than what it renews');
  return time;
}

/** What a stamp's path starts from: the document, the stamp that it renews, or the document with all earlier chains. */
export function leafOf(
  digest: DigestName,
  previous: ArchiveTimestamp | null,
  earlier: readonly TimestampChain[],
  documentDigest: (digest: DigestName) => Uint8Array,
): Buffer {
  const hash = (...parts: readonly Uint8Array[]) => createHash(digest).update(Buffer.concat(parts)).digest();
  if (previous !== null) return hash(previous.token);
  if (earlier.length === 0) return Buffer.from(documentDigest(digest));
  return hash(documentDigest(digest), hash(encodeSequence(earlier)));
}
