/**
 * The enveloped signature of an XML document (XML-DSig, RFC 3275; XAdES, ETSI EN 319 132-1). Nothing is fetched: a
 * reference leads to the document, to one element of it by an Id that only that one has, or makes the signature broken.
 */
import { constants, createHash, type KeyObject, verify } from 'node:crypto';
import { KEY_USAGE, type ParsedCertificate } from '../../pki/parsed-certificate.ts';
import { cachedCertificate, findPath, validAt } from '../../pki/path.ts';
import { anchorsOf, intermediatesOf, type SignatureOptions } from '../signature/anchors.ts';
import { describeCertificate, italianDate } from '../signature/describe.ts';
import type { SignatureOutcome } from '../types.ts';
import type { XmlElement } from '../xml.ts';
import { type CanonicalForm, canonical, canonicalDocument } from './canonical.ts';
import { childrenOf, elementsOf, textOf } from './elements.ts';

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const XADES = 'http://uri.etsi.org/01903/v1.3.2#';
const ENVELOPED = `${DSIG}enveloped-signature`;
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';

/** Comments count for no form: a reference within a document leaves them out (RFC 3275 section 4.3.3.3). */
const FORMS: Readonly<Record<string, { readonly exclusive: boolean }>> = {
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315': { exclusive: false },
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments': { exclusive: false },
  'http://www.w3.org/2006/12/xml-c14n11': { exclusive: false },
  'http://www.w3.org/2006/12/xml-c14n11#WithComments': { exclusive: false },
  [EXCLUSIVE]: { exclusive: true },
  [`${EXCLUSIVE}WithComments`]: { exclusive: true },
};

const DIGESTS: Readonly<Record<string, string>> = {
  [`${DSIG}sha1`]: 'SHA-1',
  'http://www.w3.org/2001/04/xmlenc#sha256': 'SHA-256',
  'http://www.w3.org/2001/04/xmldsig-more#sha384': 'SHA-384',
  'http://www.w3.org/2001/04/xmlenc#sha512': 'SHA-512',
};

interface Method {
  readonly key: 'rsa' | 'ec';
  readonly digest: string;
  readonly pss?: true;
}

const METHODS: Readonly<Record<string, Method>> = {
  [`${DSIG}rsa-sha1`]: { key: 'rsa', digest: 'SHA-1' },
  ...Object.fromEntries(
    ['256', '384', '512'].flatMap((size): [string, Method][] => [
      [`http://www.w3.org/2001/04/xmldsig-more#rsa-sha${size}`, { key: 'rsa', digest: `SHA-${size}` }],
      [`http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha${size}`, { key: 'ec', digest: `SHA-${size}` }],
      [`http://www.w3.org/2007/05/xmldsig-more#sha${size}-rsa-MGF1`, { key: 'rsa', digest: `SHA-${size}`, pss: true }],
    ]),
  ),
};

/** More than any signature has, few enough to bound the work on a hostile one. */
const MAX_REFERENCES = 8;
const MAX_CERTIFICATES = 8;
const MAX_PREFIXES = 64;

type Findings = Omit<SignatureOutcome, 'status' | 'reasons'>;

const NOTHING: Findings = { digestAlgorithm: null, signingTime: null, signer: null, certificates: [] };

/** Why a signature is broken: an Italian sentence. */
class Broken extends Error {}

/** The signature that is a child of the root: where one is taken from a document that is read. */
export function envelopedSignatures(root: XmlElement): XmlElement[] {
  return childrenOf(root).filter(({ localName, namespaceURI }) => localName === 'Signature' && namespaceURI === DSIG);
}

/** node:crypto's name of a digest; null where it is not accepted. */
export function digestOf(uri: string): string | null {
  return Object.hasOwn(DIGESTS, uri) ? (DIGESTS[uri]?.replace('-', '') ?? null) : null;
}

/**
 * Never throws. The outcome is about the whole document but its signature: that is what must be signed.
 * @param written when the document says that it was made, for a signature that does not say it
 */
export function verifyXades(root: XmlElement, options: SignatureOptions, written: number | null): SignatureOutcome {
  const [signature, second] = envelopedSignatures(root);
  if (signature === undefined) {
    return { status: 'valid-with-remarks', reasons: ['L’evidenza non è firmata.'], ...NOTHING };
  }
  let findings = NOTHING;
  try {
    if (second !== undefined) throw new Broken('L’evidenza ha più di una firma.');
    const certificates = certificatesOf(signature);
    findings = { ...findings, certificates: certificates.map(({ der }) => der) };
    const properties = signedProperties(signature);
    const signingTime = properties === null ? null : timeOf(properties);
    const method = methodOf(signature);
    findings = { ...findings, signingTime, digestAlgorithm: method.digest };

    const leaf = signerOf(signature, certificates, properties, method);
    findings = { ...findings, signer: describeCertificate(leaf) };
    const digests = checkReferences(root, signature, properties);
    return judge(leaf, certificates, findings, [method.digest, ...digests], properties, written, options);
  } catch (error) {
    const reason = error instanceof Broken ? error.message : 'La firma dell’evidenza non è leggibile.';
    return { status: 'broken', reasons: [reason], ...findings };
  }
}

function judge(
  leaf: ParsedCertificate,
  certificates: readonly ParsedCertificate[],
  findings: Findings,
  digests: readonly string[],
  properties: XmlElement | null,
  written: number | null,
  options: SignatureOptions,
): SignatureOutcome {
  const now = options.at ?? Date.now();
  const at = findings.signingTime ?? written ?? now;
  const signs = KEY_USAGE.digitalSignature | KEY_USAGE.nonRepudiation;
  if (leaf.keyUsage !== null && (leaf.keyUsage & signs) === 0) {
    throw new Broken('Il certificato che firma l’evidenza non è destinato alla firma.');
  }
  if (!validAt(leaf, at))
    throw new Broken('Il certificato che firma l’evidenza non era valido al momento della firma.');
  const others = [...certificates, ...intermediatesOf(options)];
  if (findPath(leaf, others, anchorsOf(options), at) === null) {
    const reason = 'Il certificato che firma l’evidenza non risale a un’autorità di certificazione nota.';
    return { status: 'unknown-issuer', reasons: [reason], ...findings };
  }
  const reasons: string[] = [];
  if (digests.includes('SHA-1')) {
    reasons.push('La firma dell’evidenza usa l’impronta SHA-1, oggi considerata debole.');
  }
  if (properties === null) reasons.push('La firma dell’evidenza non comprende il proprio certificato (non è XAdES).');
  else if (findings.signingTime === null) {
    reasons.push('La firma dell’evidenza non riporta il momento in cui è stata apposta.');
  }
  if (now > leaf.notAfter) {
    const until = italianDate(leaf.notAfter);
    reasons.push(`Il certificato che firma l’evidenza, valido al momento della firma, è scaduto il ${until}.`);
  }
  return { status: reasons.length === 0 ? 'valid' : 'valid-with-remarks', reasons, ...findings };
}

function one(parent: XmlElement, localName: string, namespace = DSIG): XmlElement {
  const [found, second] = childrenOf(parent).filter(
    child => child.localName === localName && child.namespaceURI === namespace,
  );
  if (found === undefined || second !== undefined) throw new Broken('La firma dell’evidenza è incompleta.');
  return found;
}

function algorithm(parent: XmlElement, localName: string): string {
  return one(parent, localName).getAttribute('Algorithm') ?? '';
}

function methodOf(signature: XmlElement): Method {
  const uri = algorithm(one(signature, 'SignedInfo'), 'SignatureMethod');
  const method = Object.hasOwn(METHODS, uri) ? METHODS[uri] : undefined;
  if (method === undefined) throw notAccepted(uri);
  return method;
}

function notAccepted(uri: string): Broken {
  return new Broken(`La firma dell’evidenza usa un algoritmo non accettato (${uri.slice(0, 100)}).`);
}

function certificatesOf(signature: XmlElement): ParsedCertificate[] {
  const infos = childrenOf(signature).filter(({ localName }) => localName === 'KeyInfo');
  const found = infos
    .flatMap(info => elementsOf(info))
    .filter(({ localName, namespaceURI }) => localName === 'X509Certificate' && namespaceURI === DSIG)
    .slice(0, MAX_CERTIFICATES);
  return found.flatMap(element => {
    try {
      return [cachedCertificate(Buffer.from(textOf(element), 'base64'))];
    } catch {
      return []; // one unreadable certificate does not spoil the others
    }
  });
}

/** Null where the signature is XML-DSig and nothing more. */
function signedProperties(signature: XmlElement): XmlElement | null {
  const step = (elements: readonly XmlElement[], name: string, namespace: string) =>
    elements.flatMap(childrenOf).filter(child => child.localName === name && child.namespaceURI === namespace);
  const objects = step([signature], 'Object', DSIG);
  const found = step(step(objects, 'QualifyingProperties', XADES), 'SignedProperties', XADES);
  if (found.length > 1) throw new Broken('La firma dell’evidenza è ambigua.');
  return found[0] ?? null;
}

function timeOf(properties: XmlElement): number | null {
  const found = elementsOf(properties).find(
    ({ localName, namespaceURI }) => localName === 'SigningTime' && namespaceURI === XADES,
  );
  const time = found === undefined ? Number.NaN : Date.parse(textOf(found).trim());
  return Number.isNaN(time) ? null : time;
}

/** The certificate that the signed properties name, else the one whose key made the signature. */
function signerOf(
  signature: XmlElement,
  certificates: readonly ParsedCertificate[],
  properties: XmlElement | null,
  method: Method,
): ParsedCertificate {
  if (certificates.length === 0) throw new Broken('Nella firma dell’evidenza manca il certificato del firmatario.');
  const named = properties === null ? null : signingCertificate(properties);
  const candidates = named === null ? certificates : certificates.filter(named);
  if (candidates.length === 0) {
    throw new Broken('Il certificato nella firma dell’evidenza non è quello che la firma nomina.');
  }
  const info = one(signature, 'SignedInfo');
  const signed = Buffer.from(canonical(info, formOf(one(info, 'CanonicalizationMethod'))), 'utf8');
  const value = Buffer.from(textOf(one(signature, 'SignatureValue')), 'base64');
  const leaf = candidates.find(({ x509 }) => holds(method, x509.publicKey, signed, value));
  if (leaf === undefined) throw new Broken('La firma dell’evidenza non corrisponde alla chiave del firmatario.');
  return leaf;
}

function holds({ key: type, digest, pss }: Method, key: KeyObject, signed: Buffer, value: Buffer): boolean {
  if (key.asymmetricKeyType !== type) return false;
  try {
    const padding = pss ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
    return verify(digest.replace('-', ''), signed, { key, dsaEncoding: 'ieee-p1363', ...padding }, value);
  } catch {
    return false;
  }
}

/** SigningCertificateV2, or SigningCertificate of before: the first digest is the signer's. */
function signingCertificate(properties: XmlElement): ((certificate: ParsedCertificate) => boolean) | null {
  const list = elementsOf(properties).find(
    ({ localName, namespaceURI }) => /^SigningCertificate(V2)?$/.test(localName ?? '') && namespaceURI === XADES,
  );
  if (list === undefined) return null;
  const [first] = childrenOf(list);
  if (first === undefined) throw new Broken('La firma dell’evidenza è incompleta.');
  const digest = one(first, 'CertDigest', XADES);
  const name = digestName(algorithm(digest, 'DigestMethod'));
  const wanted = Buffer.from(textOf(one(digest, 'DigestValue')), 'base64');
  return ({ der }) => createHash(name.replace('-', '')).update(der).digest().equals(wanted);
}

function digestName(uri: string): string {
  const name = Object.hasOwn(DIGESTS, uri) ? DIGESTS[uri] : undefined;
  if (name === undefined) throw notAccepted(uri);
  return name;
}

function formOf(method: XmlElement): CanonicalForm {
  const uri = method.getAttribute('Algorithm') ?? '';
  const form = Object.hasOwn(FORMS, uri) ? FORMS[uri] : undefined;
  if (form === undefined) throw notAccepted(uri);
  const [list] = childrenOf(method).filter(({ localName }) => localName === 'InclusiveNamespaces');
  const prefixes = (list?.getAttribute('PrefixList') ?? '').split(/\s+/).filter(Boolean).slice(0, MAX_PREFIXES);
  return { ...form, inclusivePrefixes: prefixes.map(prefix => (prefix === '#default' ? '' : prefix)) };
}

/** Digests by name. Every reference holds, and they cover the document and the signed properties. */
function checkReferences(root: XmlElement, signature: XmlElement, properties: XmlElement | null): string[] {
  const references = childrenOf(one(signature, 'SignedInfo')).filter(({ localName }) => localName === 'Reference');
  if (references.length > MAX_REFERENCES) throw new Broken('La firma dell’evidenza è ambigua.');
  const covered = new Set<XmlElement>();
  const digests = references.map(reference => {
    const target = targetOf(reference, root);
    const name = digestName(algorithm(reference, 'DigestMethod'));
    const octets = Buffer.from(referenced(reference, target, root, signature), 'utf8');
    const found = createHash(name.replace('-', '')).update(octets).digest();
    if (!found.equals(Buffer.from(textOf(one(reference, 'DigestValue')), 'base64'))) {
      throw new Broken('L’evidenza è stata modificata dopo la firma.');
    }
    covered.add(target);
    return name;
  });
  if (!covered.has(root)) throw new Broken('La firma non copre l’evidenza.');
  if (properties !== null && !covered.has(properties)) throw new Broken('La firma non copre le proprie proprietà.');
  return digests;
}

function targetOf(reference: XmlElement, root: XmlElement): XmlElement {
  const uri = reference.getAttribute('URI');
  if (uri === '') return root;
  const id = /^#([^'"()\s]+)$/.exec(uri ?? '')?.[1];
  if (id === undefined) throw new Broken('La firma dell’evidenza rimanda a qualcosa che sta altrove.');
  const [target, second] = elementsOf(root).filter(element =>
    ['Id', 'ID', 'id', 'xml:id'].some(name => element.getAttribute(name) === id),
  );
  if (target === undefined || second !== undefined) {
    throw new Broken('La firma dell’evidenza rimanda a un elemento che manca o non è uno solo.');
  }
  return target;
}

function referenced(reference: XmlElement, target: XmlElement, root: XmlElement, signature: XmlElement): string {
  const [transforms] = childrenOf(reference).filter(({ localName }) => localName === 'Transforms');
  let omitted: XmlElement | null = null;
  let form: CanonicalForm | null = null;
  for (const transform of transforms === undefined ? [] : childrenOf(transforms)) {
    // After a canonical form there are octets, and nothing that is accepted here works on those.
    if (form !== null) throw notAccepted(transform.getAttribute('Algorithm') ?? '');
    if (transform.getAttribute('Algorithm') === ENVELOPED) omitted = signature;
    else form = formOf(transform);
  }
  form ??= { exclusive: false };
  const whole = target === root && reference.getAttribute('URI') === '';
  return whole ? canonicalDocument(root, form, omitted) : canonical(target, form, omitted);
}
