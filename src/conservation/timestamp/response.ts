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
import { issuerAndSerial, OID } from '../signature/asn1.ts';
import type { TimestampQuery } from './request.ts';

const DIGESTS: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const STATUS = ['granted', 'granted with modifications', 'rejected', 'waiting', 'revocation warning', 'revoked'];
/** A stamp of another hour is no stamp of now; clocks may differ by less. */
const MAX_SKEW = 10 * 60_000;

export interface TimestampToken {
  /** DER of the TimeStampToken, as received. */
  readonly token: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly time: number;
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
 * Checks a TimeStampResp (RFC 3161 section 2.4.2) against what was asked: status, content type, imprint, nonce, time, the
 * TSA's signature and its certificate (ESSCertID, extended key usage timeStamping alone, validity, chain to the anchors
 * when there are any). Throws a TimestampError that says what is wrong.
 */
export function checkTimestampResponse(
  bytes: Uint8Array,
  query: TimestampQuery,
  trust: TimestampTrust,
): TimestampToken {
  try {
    return check(bytes, query, trust);
  } catch (error) {
    if (error instanceof TimestampError) throw error;
    throw new TimestampError(`the answer cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function check(bytes: Uint8Array, query: TimestampQuery, trust: TimestampTrust): TimestampToken {
  const [status, tokenElement] = children(expectTag(readElement(bytes), TAG.sequence));
  assertGranted(expectTag(status, TAG.sequence));
  if (tokenElement === undefined) throw new TimestampError('granted, but no token in the answer');
  const token = new Uint8Array(wholeOf(tokenElement));
  const signedData = readSignedData(token);
  if (signedData.contentType !== OID.tstInfo || signedData.content === null) {
    throw new TimestampError('the answer holds something else than a time stamp');
  }
  const time = checkInfo(signedData.content, query, trust.now);
  const [signer, second] = signedData.signers;
  if (signer === undefined || second !== undefined) throw new TimestampError('one signature is expected');
  const leaf = signerCertificate(signedData, signer);
  checkSignature(signedData.content, signer, leaf);
  checkAuthority(leaf, signedData.certificates, trust, time);
  const others = signedData.certificates.filter(der => !leaf.raw.equals(der));
  return { token, time, certificates: [leaf.raw, ...others].map(der => new Uint8Array(der)) };
}

function assertGranted(status: Element): void {
  const [code, ...rest] = children(status);
  const value = smallInteger(expectTag(code, TAG.integer));
  if (value === 0 || value === 1) return;
  const words = rest.find(element => element.tag === TAG.sequence);
  const text = words === undefined ? '' : children(words).map(word => Buffer.from(contentOf(word)).toString('utf8'));
  throw new TimestampError(`refused: ${STATUS[value] ?? value}${text.length > 0 ? ` (${String(text)})` : ''}`);
}

/** TSTInfo: version, policy, messageImprint, serialNumber, genTime, accuracy?, ordering?, nonce?, ... */
function checkInfo(content: Uint8Array, query: TimestampQuery, now: number): number {
  const [, , imprint, , genTime, ...rest] = children(expectTag(readElement(content), TAG.sequence));
  const [algorithm, digest] = children(expectTag(imprint, TAG.sequence));
  const [algorithmOid] = children(expectTag(algorithm, TAG.sequence));
  if (oidOf(algorithmOid) !== OID.sha256 || !same(octetString(expectTag(digest, TAG.octetString)), query.sha256)) {
    throw new TimestampError('the stamp is over another digest');
  }
  const nonce = rest.find(element => element.tag === TAG.integer);
  if (nonce === undefined || !same(contentOf(nonce), query.nonce)) {
    throw new TimestampError('the stamp does not repeat the nonce');
  }
  const time = timeOf(expectTag(genTime, TAG.generalizedTime));
  if (Math.abs(time - now) > MAX_SKEW) {
    throw new TimestampError(
      `the stamp says ${new Date(time).toISOString()}, the clock ${new Date(now).toISOString()}`,
    );
  }
  return time;
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
  const digest = DIGESTS[signer.digestAlgorithm];
  if (digest === undefined) throw new TimestampError(`digest algorithm ${signer.digestAlgorithm} is not accepted`);
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
    let digest: string | undefined = oid === OID.signingCertificate ? 'sha1' : 'sha256';
    let hash = head;
    if (head?.tag === TAG.sequence) {
      digest = DIGESTS[oidOf(children(head)[0])];
      hash = rest[0];
    }
    if (digest === undefined) return false;
    return same(octetString(expectTag(hash, TAG.octetString)), createHash(digest).update(leaf.raw).digest());
  }
  return false;
}

function checkAuthority(
  leaf: X509Certificate,
  inside: readonly Uint8Array[],
  trust: TimestampTrust,
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
  if (trust.anchors.length > 0 && !chains(leaf, inside, trust.anchors)) {
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
