import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { children, DerError, type Element, encode, expectTag, readElement, TAG, wholeOf } from '../../pki/der.ts';
import { explicit, integer, issuerAndSerial, nothing, OID, octets, oid, sequence, setOf, time } from './asn1.ts';

/** A key in memory with its certificate and chain, leaf first; plain data, so that it can go to another thread. */
export interface SigningKey {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** PKCS#8 DER. */
  readonly privateKey: Uint8Array;
}

export type KeyKind = 'rsa' | 'ec';

/** A signature that lacks only the key's part. */
export interface Unsigned {
  readonly content: Uint8Array;
  readonly contentType: string;
  /** DER of each signed attribute. */
  readonly attributes: readonly Uint8Array[];
  /** The octets to be signed with SHA-256. */
  readonly toBeSigned: Uint8Array;
}

/**
 * CMS SignedData (RFC 5652) around `content`, DER, SHA-256, with the attributes of CAdES-BES (EN 319 122-1 section 5.2):
 * content-type, message-digest, signing-time and signing-certificate-v2 (RFC 5035). `contentType` is `data` for a
 * document, `tstInfo` for a time stamp. RSA (PKCS#1 v1.5) and EC keys. Work for a worker thread.
 */
export function signAttached(
  key: SigningKey,
  content: Uint8Array,
  signingTime: number,
  contentType: string = OID.data,
): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.from(key.privateKey), format: 'der', type: 'pkcs8' });
  const unsigned = prepareSignature(key.certificates, content, signingTime, contentType);
  // RFC 5652 section 5.4: what is signed carries the tag of SET OF, what is sent [0].
  const signature = sign('sha256', unsigned.toBeSigned, privateKey);
  return assembleSignature(key.certificates, unsigned, signature, privateKey.asymmetricKeyType === 'ec' ? 'ec' : 'rsa');
}

/** The first half of a signature, for keys that are elsewhere. */
export function prepareSignature(
  certificates: readonly Uint8Array[],
  content: Uint8Array,
  signingTime: number,
  contentType: string = OID.data,
): Unsigned {
  const [leaf] = certificates;
  if (leaf === undefined) throw new TypeError('a signer needs a certificate');
  const { issuer, serial } = issuerAndSerial(leaf);
  const attributes = [
    attribute(OID.contentType, oid(contentType)),
    attribute(OID.messageDigest, octets(sha256(content))),
    attribute(OID.signingTime, time(signingTime)),
    attribute(OID.signingCertificateV2, signingCertificate(leaf, issuer, serial)),
  ];
  return { content, contentType, attributes, toBeSigned: setOf(attributes) };
}

/** The second half. `signature` is PKCS#1 v1.5 or, for EC, the DER of Ecdsa-Sig-Value. */
export function assembleSignature(
  certificates: readonly Uint8Array[],
  unsigned: Unsigned,
  signature: Uint8Array,
  kind: KeyKind,
): Uint8Array {
  const [leaf] = certificates;
  if (leaf === undefined) throw new TypeError('a signer needs a certificate');
  const { content, contentType, attributes } = unsigned;
  const { issuer, serial } = issuerAndSerial(leaf);
  const digestAlgorithm = sequence(oid(OID.sha256));
  const signerInfo = sequence(
    integer(1),
    sequence(issuer, serial),
    digestAlgorithm,
    setOf(attributes, 0xa0),
    kind === 'ec' ? sequence(oid(OID.ecdsaWithSha256)) : sequence(oid(OID.rsaEncryption), nothing()),
    octets(signature),
  );
  const signedData = sequence(
    integer(contentType === OID.data ? 1 : 3),
    setOf([digestAlgorithm]),
    sequence(oid(contentType), explicit(0, octets(content))),
    setOf(certificates, 0xa0),
    setOf([signerInfo]),
  );
  return sequence(oid(OID.signedData), explicit(0, signedData));
}

/** Where the parts of the only SignerInfo lie in a SignedData. */
interface SignerParts {
  readonly signedData: readonly Element[];
  readonly signerInfo: readonly Element[];
  /** SignatureValue, OCTET STRING. */
  readonly signature: Element;
  /** Token of the signature time-stamp; null when there is none. */
  readonly timestamp: Element | null;
}

/** Throws a DerError when the bytes are no SignedData with one signer. */
export function signerParts(signed: Uint8Array): SignerParts {
  const [, wrapped] = children(expectTag(readElement(signed), TAG.sequence));
  const [body] = children(expectTag(wrapped, 0xa0));
  const signedData = children(expectTag(body, TAG.sequence));
  const [signer, second] = children(expectTag(signedData.at(-1), TAG.set));
  if (second !== undefined) throw new DerError('one signer is expected');
  const signerInfo = children(expectTag(signer, TAG.sequence));
  const signature = signerInfo.find(field => field.tag === TAG.octetString);
  if (signature === undefined) throw new DerError('the signature is missing');
  return { signedData, signerInfo, signature, timestamp: timestampOf(signerInfo.at(-1)) };
}

function timestampOf(unsignedAttributes: Element | undefined): Element | null {
  if (unsignedAttributes?.tag !== 0xa1) return null;
  for (const entry of children(unsignedAttributes)) {
    const [type, values] = children(expectTag(entry, TAG.sequence));
    const wanted = type !== undefined && Buffer.from(wholeOf(type)).equals(oid(OID.signatureTimestamp));
    if (wanted) return children(expectTag(values, TAG.set))[0] ?? null;
  }
  return null;
}

/** CAdES baseline T: the signature time-stamp as unsigned attribute (EN 319 122-1 section 5.3). */
export function withSignatureTimestamp(signed: Uint8Array, token: Uint8Array): Uint8Array {
  const { signedData, signerInfo } = signerParts(signed);
  const unsignedAttributes = setOf([attribute(OID.signatureTimestamp, token)], 0xa1);
  const signer = sequence(...signerInfo.filter(field => field.tag !== 0xa1).map(wholeOf), unsignedAttributes);
  const body = sequence(...signedData.slice(0, -1).map(wholeOf), encode(TAG.set, [signer]));
  return sequence(oid(OID.signedData), explicit(0, body));
}

/** Whether this kind of key can sign here. */
export function isSupportedKey(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec';
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), setOf([value]));
}

/** SigningCertificateV2 with one ESSCertIDv2; SHA-256 is its default algorithm and therefore not written (DER). */
function signingCertificate(leaf: Uint8Array, issuer: Uint8Array, serial: Uint8Array): Uint8Array {
  const directoryName = explicit(4, issuer);
  return sequence(sequence(sequence(octets(sha256(leaf)), sequence(sequence(directoryName), serial))));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
