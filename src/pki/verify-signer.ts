/** Does a SignerInfo hold over a content (RFC 5652 section 5.6)? Only the mathematics; trust is path.ts. */
import { constants, createHash, type KeyObject, verify } from 'node:crypto';
import { readPssParameters, type SignerInfo } from './cms.ts';
import { toDer, wholeOf } from './der.ts';

/** node:crypto's name and the name for people. */
interface Digest {
  readonly name: string;
  readonly label: string;
}

const DIGESTS: Readonly<Record<string, Digest>> = {
  '1.3.14.3.2.26': { name: 'sha1', label: 'SHA-1' },
  '2.16.840.1.101.3.4.2.4': { name: 'sha224', label: 'SHA-224' },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', label: 'SHA-256' },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', label: 'SHA-384' },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', label: 'SHA-512' },
};

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
const RSA_PSS = '1.2.840.113549.1.1.10';
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/** Signature algorithms that name their digest, with that digest's OID. */
const COMBINED: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.5': '1.3.14.3.2.26',
  '1.2.840.113549.1.1.14': '2.16.840.1.101.3.4.2.4',
  '1.2.840.113549.1.1.11': '2.16.840.1.101.3.4.2.1',
  '1.2.840.113549.1.1.12': '2.16.840.1.101.3.4.2.2',
  '1.2.840.113549.1.1.13': '2.16.840.1.101.3.4.2.3',
  '1.2.840.10045.4.1': '1.3.14.3.2.26',
  '1.2.840.10045.4.3.1': '2.16.840.1.101.3.4.2.4',
  '1.2.840.10045.4.3.2': '2.16.840.1.101.3.4.2.1',
  '1.2.840.10045.4.3.3': '2.16.840.1.101.3.4.2.2',
  '1.2.840.10045.4.3.4': '2.16.840.1.101.3.4.2.3',
};

export type SignerCheck =
  /** The signature is this key's, over this content. */
  | 'good'
  /** The content is not the one that was signed. */
  | 'content-differs'
  /** The signed attributes are not what the key signed, or contradict themselves. */
  | 'signature-differs'
  /** An algorithm that is not accepted (MD5) or not known. */
  | 'unsupported';

/** `SHA-256` and so on; the OID where the algorithm is not known. */
export function digestLabel(oid: string): string {
  return DIGESTS[oid]?.label ?? oid;
}

/**
 * @param contents forms of the same content, likeliest first, each as its own call so that the second (line ends made
 *   canonical) is only built when the first does not fit
 */
export function checkSigner(
  signer: SignerInfo,
  contentType: string,
  key: KeyObject,
  contents: readonly (() => Uint8Array)[],
): SignerCheck {
  const digest = DIGESTS[signer.digestAlgorithm];
  const algorithm = signatureAlgorithm(signer, key);
  if (digest === undefined || algorithm === null) return 'unsupported';
  const attributes = signer.signedAttributes;
  if (attributes === null) {
    return contents.some(content => algorithm(content(), signer.signature)) ? 'good' : 'content-differs';
  }
  const expected = attributes.messageDigest;
  const consistent =
    attributes.contentType === contentType &&
    (attributes.protectedDigest === null || attributes.protectedDigest === signer.digestAlgorithm);
  if (expected === null || !consistent) return 'signature-differs';
  const same = (content: () => Uint8Array) =>
    Buffer.compare(createHash(digest.name).update(content()).digest(), expected) === 0;
  if (!contents.some(same)) return 'content-differs';
  return signedAttributesHold(attributes.element, bytes => algorithm(bytes, signer.signature))
    ? 'good'
    : 'signature-differs';
}

/**
 * What is signed is the DER of the attributes as a SET, though they stand as [0] and possibly in BER. Almost every
 * signer writes DER already: try the octets as they stand first.
 */
function signedAttributesHold(
  element: NonNullable<SignerInfo['signedAttributes']>['element'],
  holds: (bytes: Uint8Array) => boolean,
): boolean {
  const asWritten = Buffer.from(wholeOf(element));
  asWritten[0] = 0x31;
  if (!element.indefinite && holds(asWritten)) return true;
  const der = toDer(element, 0x31);
  return Buffer.compare(der, asWritten) !== 0 && holds(der);
}

/** A check of one signature with the signer's algorithm and key; null when they do not go together. */
export function signatureAlgorithm(
  signer: Pick<SignerInfo, 'signatureAlgorithm' | 'digestAlgorithm'>,
  key: KeyObject,
): ((data: Uint8Array, signature: Uint8Array) => boolean) | null {
  const { oid, parameters } = signer.signatureAlgorithm;
  if (oid === RSA_PSS) {
    const pss = readPssParameters(parameters);
    const digest = DIGESTS[pss.digest ?? '1.3.14.3.2.26'];
    if (digest === undefined || !isRsa(key) || pss.saltLength > 512) return null;
    const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss.saltLength };
    return (data, signature) => safely(() => verify(digest.name, data, options, signature));
  }
  const named = COMBINED[oid];
  const plain = oid === RSA_ENCRYPTION || oid === EC_PUBLIC_KEY;
  const digest = DIGESTS[named ?? signer.digestAlgorithm];
  if (digest === undefined || (named === undefined && !plain)) return null;
  const elliptic = oid.startsWith('1.2.840.10045.');
  if (elliptic ? key.asymmetricKeyType !== 'ec' : key.asymmetricKeyType !== 'rsa') return null;
  return (data, signature) => safely(() => verify(digest.name, data, key, signature));
}

function isRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss';
}

/** OpenSSL throws on some malformed signatures instead of saying no. */
function safely(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}
