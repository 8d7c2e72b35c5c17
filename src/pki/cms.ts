/** Reading CMS SignedData (RFC 5652 section 5). */
import {
  children,
  contentOf,
  DerError,
  type Element,
  expectTag,
  octetString,
  oidOf,
  readElement,
  smallInteger,
  TAG,
  timeOf,
  wholeOf,
} from './der.ts';

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  algorithmProtection: '1.2.840.113549.1.9.52',
} as const;

/** More than any gestore puts in, few enough to bound the work on a hostile signature. */
const MAX_CERTIFICATES = 32;
const MAX_SIGNERS = 4;

export interface SignedData {
  readonly contentType: string;
  /** The content when it is enclosed; null for a detached signature. */
  readonly content: Uint8Array | null;
  /** DER of each X.509 certificate, in the order found. */
  readonly certificates: readonly Uint8Array[];
  /** DER of each revocation list. */
  readonly crls: readonly Uint8Array[];
  readonly signers: readonly SignerInfo[];
}

/** OID with its parameters, as written. */
interface AlgorithmIdentifier {
  readonly oid: string;
  readonly parameters: Element | null;
}

export interface SignerInfo {
  /** Issuer name (DER) with serial number (content octets), or the subject key identifier. */
  readonly id:
    | { readonly issuer: Uint8Array; readonly serial: Uint8Array }
    | { readonly subjectKeyIdentifier: Uint8Array };
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly signedAttributes: SignedAttributes | null;
}

export interface SignedAttributes {
  readonly element: Element;
  readonly contentType: string | null;
  readonly messageDigest: Uint8Array | null;
  /** Milliseconds since the epoch; null when absent. */
  readonly signingTime: number | null;
  /** Digest algorithm named by CMSAlgorithmProtection (RFC 6211). */
  readonly protectedDigest: string | null;
}

/** Throws a DerError when the bytes are no SignedData. */
export function readSignedData(bytes: Uint8Array): SignedData {
  const [type, wrapped] = children(expectTag(readElement(bytes), TAG.sequence));
  if (oidOf(type) !== OID.signedData) throw new DerError('not signed data');
  const [signedData] = children(expectTag(wrapped, 0xa0));
  // version, digestAlgorithms, encapContentInfo, [0] certificates, [1] crls, signerInfos
  const [, , encapsulated, ...rest] = children(expectTag(signedData, TAG.sequence));
  const [contentType, explicit] = children(expectTag(encapsulated, TAG.sequence));
  const content = explicit === undefined ? undefined : children(expectTag(explicit, 0xa0))[0];
  const certificateSet = rest.find(element => element.tag === 0xa0);
  const certificates = certificateSet === undefined ? [] : children(certificateSet);
  const crlSet = rest.find(element => element.tag === 0xa1);
  const signers = children(
    expectTag(
      rest.findLast(element => element.tag === TAG.set),
      TAG.set,
    ),
  );
  if (certificates.length > MAX_CERTIFICATES || signers.length > MAX_SIGNERS) throw new DerError('too many elements');
  return {
    contentType: oidOf(contentType),
    content: content === undefined ? null : octetString(content),
    certificates: certificates.filter(element => element.tag === TAG.sequence).map(wholeOf),
    crls: (crlSet === undefined ? [] : children(crlSet)).filter(({ tag }) => tag === TAG.sequence).map(wholeOf),
    signers: signers.map(readSignerInfo),
  };
}

function readSignerInfo(element: Element): SignerInfo {
  const fields = children(expectTag(element, TAG.sequence));
  const [, id, digestAlgorithm] = fields;
  const attributes = fields[3]?.tag === 0xa0 ? fields[3] : undefined;
  const [signatureAlgorithm, signature] = fields.slice(attributes === undefined ? 3 : 4);
  if (id === undefined || signature === undefined) throw new DerError('signer is incomplete');
  return {
    id: readSignerId(id),
    digestAlgorithm: readAlgorithm(digestAlgorithm).oid,
    signatureAlgorithm: readAlgorithm(signatureAlgorithm),
    signature: octetString(signature),
    signedAttributes: attributes === undefined ? null : readAttributes(attributes),
  };
}

function readSignerId(id: Element): SignerInfo['id'] {
  if (id.tag !== TAG.sequence) return { subjectKeyIdentifier: octetString(id) };
  const [issuer, serial] = children(id);
  return {
    issuer: wholeOf(expectTag(issuer, TAG.sequence)),
    serial: contentOf(expectTag(serial, TAG.integer)),
  };
}

export function readAlgorithm(element: Element | undefined): AlgorithmIdentifier {
  const [oid, parameters] = children(expectTag(element, TAG.sequence));
  return { oid: oidOf(oid), parameters: parameters ?? null };
}

function readAttributes(element: Element): SignedAttributes {
  const values = new Map<string, Element>();
  for (const attribute of children(element)) {
    const [type, set] = children(expectTag(attribute, TAG.sequence));
    const oid = oidOf(type);
    const [value, second] = children(expectTag(set, TAG.set));
    // RFC 5652 section 11: these attributes come once, with one value.
    const unique = oid === OID.contentType || oid === OID.messageDigest || oid === OID.signingTime;
    if (unique && (values.has(oid) || second !== undefined)) throw new DerError('signed attribute given twice');
    if (value !== undefined) values.set(oid, value);
  }
  const contentType = values.get(OID.contentType);
  const messageDigest = values.get(OID.messageDigest);
  const signingTime = values.get(OID.signingTime);
  const protection = values.get(OID.algorithmProtection);
  return {
    element,
    contentType: contentType === undefined ? null : oidOf(contentType),
    messageDigest: messageDigest === undefined ? null : octetString(messageDigest),
    signingTime: signingTime === undefined ? null : timeOf(signingTime),
    protectedDigest: protection === undefined ? null : readAlgorithm(children(protection)[0]).oid,
  };
}

/** Parameters of RSASSA-PSS (RFC 4055 section 3.1): digest OID (null: the default, SHA-1) and salt length. */
export function readPssParameters(parameters: Element | null): { digest: string | null; saltLength: number } {
  const fields = parameters === null ? [] : children(expectTag(parameters, TAG.sequence));
  const field = (tag: number) => {
    const found = fields.find(element => element.tag === tag);
    return found === undefined ? undefined : children(found)[0];
  };
  const digest = field(0xa0);
  const salt = field(0xa2);
  return {
    digest: digest === undefined ? null : readAlgorithm(digest).oid,
    saltLength: salt === undefined ? 20 : smallInteger(salt),
  };
}
