import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { explicit, integer, issuerAndSerial, nothing, OID, octets, oid, sequence, setOf, time } from './asn1.ts';

/** A key in memory with its certificate and chain, leaf first; plain data, so that it can go to another thread. */
export interface SigningKey {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** PKCS#8 DER. */
  readonly privateKey: Uint8Array;
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
  const [leaf] = key.certificates;
  if (leaf === undefined) throw new TypeError('a signer needs a certificate');
  const privateKey = createPrivateKey({ key: Buffer.from(key.privateKey), format: 'der', type: 'pkcs8' });
  const { issuer, serial } = issuerAndSerial(leaf);
  const digestAlgorithm = sequence(oid(OID.sha256));
  const attributes = [
    attribute(OID.contentType, oid(contentType)),
    attribute(OID.messageDigest, octets(sha256(content))),
    attribute(OID.signingTime, time(signingTime)),
    attribute(OID.signingCertificateV2, signingCertificate(leaf, issuer, serial)),
  ];
  // RFC 5652 section 5.4: what is signed carries the tag of SET OF, what is sent [0].
  const signature = sign('sha256', setOf(attributes), privateKey);
  const signerInfo = sequence(
    integer(1),
    sequence(issuer, serial),
    digestAlgorithm,
    setOf(attributes, 0xa0),
    signatureAlgorithm(privateKey),
    octets(signature),
  );
  const signedData = sequence(
    integer(contentType === OID.data ? 1 : 3),
    setOf([digestAlgorithm]),
    sequence(oid(contentType), explicit(0, octets(content))),
    setOf(key.certificates, 0xa0),
    setOf([signerInfo]),
  );
  return sequence(oid(OID.signedData), explicit(0, signedData));
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

function signatureAlgorithm(key: KeyObject): Uint8Array {
  return key.asymmetricKeyType === 'ec'
    ? sequence(oid(OID.ecdsaWithSha256))
    : sequence(oid(OID.rsaEncryption), nothing());
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
