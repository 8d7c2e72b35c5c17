import { constants, createHash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import {
  readPssParameters,
  readSignedData,
  type SignedAttributes,
  type SignedData,
  type SignerInfo,
} from '../../pki/cms.ts';
import {
  children,
  contentOf,
  type Element,
  expectTag,
  octetString,
  oidOf,
  readElement,
  smallInteger,
  TAG,
  timeOf,
  toDer,
  wholeOf,
} from '../../pki/der.ts';
import { TimestampError } from '../errors.ts';
import { digestNamed } from '../evidence/record.ts';
import { issuerAndSerial, OID } from '../signature/asn1.ts';
import { digestKind, type TimestampQuery } from './request.ts';

const STATUS = ['granted', 'granted with modifications', 'rejected', 'waiting', 'revocation warning', 'revoked'];
/** A stamp of another hour is no stamp of now; clocks may differ by less. */
const MAX_SKEW = 10 * 60_000;

export interface TimestampToken {
  /** DER of the TimeStampToken, as received. */
  readonly token: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** OID of the policy that the TSA says it made the stamp under. */
  readonly policy: string;
  /** DER of the certificates inside, the TSA's own first. */
  readonly certificates: readonly Uint8Array[];
}

/** Further conditions on a stamp. */
export interface TimestampTrust {
  /** DER; when given, the TSA's certificate must be one of these or be issued below one. */
  readonly anchors: readonly Uint8Array[];
  readonly now: number;
}

/**
 * Checks a TimeStampResp (RFC 3161 section 2.4.2) against what was asked: status, content type, imprint, nonce, policy,
 * time, the TSA's signature and its certificate (ESSCertID, extended key usage timeStamping alone, validity, chain to the
 * anchors when there are any). Throws a TimestampError that says what is wrong.
 */
export function checkTimestampResponse(
  bytes: Uint8Array,
  query: TimestampQuery,
  trust: TimestampTrust,
): TimestampToken {
  return readably('the answer', () => {
    const [status, tokenElement] = children(expectTag(readElement(bytes), TAG.sequence));
    assertGranted(expectTag(status, TAG.sequence));
    if (tokenElement === undefined) throw new TimestampError('granted, but no token in the answer');
    const token = new Uint8Array(wholeOf(tokenElement));
    const info = readInfo(token);
    checkImprint(info, query.digest);
    if (info.nonce === null || !same(info.nonce, query.nonce)) {
      throw new TimestampError('the stamp does not repeat the nonce');
    }
    if (query.policy !== null && info.policy !== query.policy) {
      throw new TimestampError(`the stamp was made under policy ${info.policy}, asked was ${query.policy}`);
    }
    if (Math.abs(info.time - trust.now) > MAX_SKEW) {
      throw new TimestampError(
        `the stamp says ${new Date(info.time).toISOString()}, the clock ${new Date(trust.now).toISOString()}`,
      );
    }
    return checkSigner(token, info, trust.anchors);
  });
}

/**
 * Checks a TimeStampToken that was received long ago: over this digest, signed by a TSA whose certificate was valid then.
 * Throws a TimestampError that says what is wrong.
 */
export function checkTimestampToken(
  token: Uint8Array,
  digest: Uint8Array,
  anchors: readonly Uint8Array[] = [],
): TimestampToken {
  return readably('the stamp', () => {
    const info = readInfo(token);
    checkImprint(info, digest);
    return checkSigner(token, info, anchors);
  });
}

/** What a stamp says of itself, its signature checked, whatever it is over. Throws a TimestampError. */
export function describeTimestampToken(token: Uint8Array): TimestampToken {
  return readably('the stamp', () => checkSigner(token, readInfo(token), []));
}

function readably<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TimestampError) throw error;
    throw new TimestampError(`${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface TokenInfo {
  readonly signedData: SignedData;
  readonly content: Uint8Array;
  readonly policy: string;
  readonly algorithm: string;
  readonly imprint: Uint8Array;
  readonly time: number;
  readonly nonce: Uint8Array | null;
}

/** TSTInfo: version, policy, messageImprint, serialNumber, genTime, accuracy?, ordering?, nonce?, ... */
function readInfo(token: Uint8Array): TokenInfo {
  const signedData = readSignedData(token);
  const { content } = signedData;
  if (signedData.contentType !== OID.tstInfo || content === null) {
    throw new TimestampError('the answer holds something else than a time stamp');
  }
  const [, policy, imprint, , genTime, ...rest] = children(expectTag(readElement(content), TAG.sequence));
  const [algorithm, digest] = children(expectTag(imprint, TAG.sequence));
  const [algorithmOid] = children(expectTag(algorithm, TAG.sequence));
  const nonce = rest.find(element => element.tag === TAG.integer);
  return {
    signedData,
    content,
    policy: oidOf(policy),
    algorithm: oidOf(algorithmOid),
    imprint: octetString(expectTag(digest, TAG.octetString)),
    time: timeOf(expectTag(genTime, TAG.generalizedTime)),
    nonce: nonce === undefined ? null : contentOf(nonce),
  };
}

function checkImprint(info: TokenInfo, digest: Uint8Array): void {
  if (digestNamed(info.algorithm) !== digestKind(digest) || !same(info.imprint, digest)) {
    throw new TimestampError('the stamp is over another digest');
  }
}

function checkSigner(token: Uint8Array, info: TokenInfo, anchors: readonly Uint8Array[]): TimestampToken {
  const { signedData, time, policy } = info;
  const [signer, second] = signedData.signers;
  if (signer === undefined || second !== undefined) throw new TimestampError('one signature is expected');
  const leaf = signerCertificate(signedData, signer);
  checkSignature(info.content, signer, leaf);
  checkAuthority(leaf, signedData.certificates, anchors, time);
  const others = signedData.certificates.filter(der => !leaf.raw.equals(der));
  return { token, time, policy, certificates: [leaf.raw, ...others].map(der => new Uint8Array(der)) };
}

function assertGranted(status: Element): void {
  const [code, ...rest] = children(status);
  const value = smallInteger(expectTag(code, TAG.integer));
  if (value === 0 || value === 1) return;
  const words = rest.find(element => element.tag === TAG.sequence);
  const text = words === undefined ? '' : children(words).map(word => Buffer.from(contentOf(word)).toString('utf8'));
  throw new TimestampError(`refused: ${STATUS[value] ?? value}${text.length > 0 ? ` (${String(text)})` : ''}`);
}

function signerCertificate(signedData: SignedData, signer: SignerInfo): X509Certificate {
  const id = signer.id;
  if (!('issuer' in id)) throw new TimestampError('the signer is not named by issuer and serial number');
  const found = signedData.certificates.find(der => {
    const { issuer, serialOctets } = issuerAndSerial(der);
    return same(issuer, id.issuer) && same(serialOctets, id.serial);
  });
  if (found === undefined) throw new TimestampError("the TSA's certificate is not in the answer");
  return new X509Certificate(found);
}

function checkSignature(content: Uint8Array, signer: SignerInfo, leaf: X509Certificate): void {
  const digest = digestNamed(signer.digestAlgorithm);
  if (digest === null) throw new TimestampError(`digest algorithm ${signer.digestAlgorithm} is not accepted`);
  const attributes = signer.signedAttributes;
  if (attributes === null) throw new TimestampError('signed attributes are missing');
  if (attributes.contentType !== OID.tstInfo) throw new TimestampError('the signed content type is another one');
  const expected = createHash(digest).update(content).digest();
  if (attributes.messageDigest === null || !same(attributes.messageDigest, expected)) {
    throw new TimestampError('the signature is over another content');
  }
  if (!namesCertificate(attributes, leaf)) throw new TimestampError('the signature names another certificate');
  // RFC 5652 section 5.4: the signature is over the DER of the SET OF.
  const signed = toDer(attributes.element, TAG.set);
  if (!verify(digest, signed, verificationKey(signer, leaf.publicKey), signer.signature)) {
    throw new TimestampError('the signature of the TSA is broken');
  }
}

function verificationKey(signer: SignerInfo, key: KeyObject): Parameters<typeof verify>[2] {
  if (signer.signatureAlgorithm.oid !== OID.rsaPss) return key;
  const { saltLength } = readPssParameters(signer.signatureAlgorithm.parameters);
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

/** ESSCertID (SHA-1, RFC 2634) or ESSCertIDv2 (RFC 5816): the certificate hash of the first entry. */
function namesCertificate(attributes: SignedAttributes, leaf: X509Certificate): boolean {
  for (const attribute of children(attributes.element)) {
    const [type, values] = children(attribute);
    const oid = oidOf(type);
    if (oid !== OID.signingCertificate && oid !== OID.signingCertificateV2) continue;
    const [value] = children(expectTag(values, TAG.set));
    const [certificates] = children(expectTag(value, TAG.sequence));
    const [first] = children(expectTag(certificates, TAG.sequence));
    const [head, ...rest] = children(expectTag(first, TAG.sequence));
    let digest: string | null = oid === OID.signingCertificate ? 'sha1' : 'sha256';
    let hash = head;
    if (head?.tag === TAG.sequence) {
      digest = digestNamed(oidOf(children(head)[0]));
      hash = rest[0];
    }
    if (digest === null) return false;
    return same(octetString(expectTag(hash, TAG.octetString)), createHash(digest).update(leaf.raw).digest());
  }
  return false;
}

function checkAuthority(
  leaf: X509Certificate,
  inside: readonly Uint8Array[],
  anchors: readonly Uint8Array[],
  time: number,
): void {
  // Node names the extended key usage `keyUsage`.
  const usage: readonly string[] = leaf.keyUsage ?? [];
  if (usage.length !== 1 || usage[0] !== OID.timeStamping) {
    throw new TimestampError("the TSA's certificate is not for time stamping alone (extended key usage)");
  }
  if (time < leaf.validFromDate.getTime() || time > leaf.validToDate.getTime()) {
    throw new TimestampError("the TSA's certificate is not valid at the time of the stamp");
  }
  if (anchors.length > 0 && !chains(leaf, inside, anchors)) {
    throw new TimestampError("the TSA's certificate does not chain to conservation.timestamp.caFile");
  }
}

function chains(leaf: X509Certificate, inside: readonly Uint8Array[], anchors: readonly Uint8Array[]): boolean {
  const candidates = [...anchors, ...inside].map(der => new X509Certificate(der));
  const visited = new Set<string>();
  for (let current: X509Certificate | undefined = leaf; current !== undefined; ) {
    const { raw, fingerprint256 } = current;
    if (anchors.some(anchor => raw.equals(anchor))) return true;
    if (visited.has(fingerprint256)) return false;
    visited.add(fingerprint256);
    const child: X509Certificate = current;
    current = candidates.find(issuer => child.checkIssued(issuer) && issuer.ca && child.verify(issuer.publicKey));
  }
  return false;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
