/**
 * The gestore's signature of a message (RFC 6109 section 4.5; S/MIME, RFC 8551).
 */
import type { KeyObject } from 'node:crypto';
import type { MimeNode } from '../../mime/types.ts';
import { readSignedData, type SignedData, type SignerInfo } from '../../pki/cms.ts';
import { KEY_USAGE, type ParsedCertificate } from '../../pki/parsed-certificate.ts';
import { cachedCertificate, findPath, servesEmail, validAt } from '../../pki/path.ts';
import { checkSigner, digestLabel } from '../../pki/verify-signer.ts';
import { senderAddress } from '../headers.ts';
import type { SignatureOutcome } from '../types.ts';
import { anchorsOf, intermediatesOf, type SignatureOptions } from './anchors.ts';
import { describeCertificate, italianDate } from './describe.ts';
import { findSignedContent, type SignedContent } from './signed-content.ts';

/** What a check has found out so far. */
type Findings = Omit<SignatureOutcome, 'status' | 'reasons'>;

const NOTHING: Findings = { digestAlgorithm: null, signingTime: null, signer: null, certificates: [] };

/** Checks the signature of the top level of a message. Never throws. */
export function verifyMessageSignature(raw: Uint8Array, root: MimeNode, options: SignatureOptions): SignatureOutcome {
  let findings = NOTHING;
  try {
    const found = findSignedContent(raw, root);
    if (found === null) return outcome('none', 'Il messaggio non è firmato.', NOTHING);
    if (typeof found === 'string') return outcome('broken', found, NOTHING);
    const signedData = readSignedData(found.signature);
    findings = { ...NOTHING, certificates: signedData.certificates.map(der => der.slice()) };
    return best(signedData.signers.map(signer => checkOne(signer, signedData, found, raw, root, findings, options)));
  } catch {
    return outcome('broken', 'La firma del gestore non è leggibile.', findings);
  }
}

function outcome(status: SignatureOutcome['status'], reason: string, findings: Findings): SignatureOutcome {
  return { status, reasons: [reason], ...findings };
}

/** One good signature makes a message good (RFC 8551 does not ask for all). */
function best(outcomes: readonly SignatureOutcome[]): SignatureOutcome {
  const order = ['valid', 'valid-with-remarks', 'unknown-issuer', 'broken', 'none'] as const;
  for (const status of order) {
    const found = outcomes.find(candidate => candidate.status === status);
    if (found !== undefined) return found;
  }
  return outcome('broken', 'La firma non contiene alcun firmatario.', NOTHING);
}

function checkOne(
  signer: SignerInfo,
  signedData: SignedData,
  { contents }: SignedContent,
  raw: Uint8Array,
  root: MimeNode,
  found: Findings,
  options: SignatureOptions,
): SignatureOutcome {
  const now = options.at ?? Date.now();
  const signingTime = signer.signedAttributes?.signingTime ?? null;
  let findings: Findings = { ...found, digestAlgorithm: digestLabel(signer.digestAlgorithm), signingTime };
  const certificates = signedData.certificates.flatMap(readable);
  const leaf = certificates.find(certificate => belongsTo(certificate, signer));
  if (leaf === undefined) return outcome('broken', 'Nella firma manca il certificato del firmatario.', findings);
  findings = { ...findings, signer: describeCertificate(leaf) };

  const { content } = signedData;
  const forms = contents ?? (content === null ? [] : [() => content]);
  const fault = mathematicalFault(signer, signedData.contentType, leaf.x509.publicKey, forms);
  if (fault !== null) return outcome('broken', fault, findings);
  const unfit = unfitness(leaf, senderAddress(raw, root), signingTime ?? now);
  if (unfit !== null) return outcome('broken', unfit, findings);
  const others = [...certificates, ...intermediatesOf(options)];
  if (findPath(leaf, others, anchorsOf(options), signingTime ?? now) === null) {
    const reason = 'Il certificato del gestore non risale a un’autorità di certificazione nota.';
    return outcome('unknown-issuer', reason, findings);
  }
  const reasons = remarks(leaf, findings, now);
  return { status: reasons.length === 0 ? 'valid' : 'valid-with-remarks', reasons, ...findings };
}

function readable(der: Uint8Array): ParsedCertificate[] {
  try {
    return [cachedCertificate(der)];
  } catch {
    return []; // one unreadable certificate does not spoil the others
  }
}

function belongsTo(certificate: ParsedCertificate, { id }: SignerInfo): boolean {
  if ('subjectKeyIdentifier' in id) {
    const own = certificate.subjectKeyIdentifier;
    return own !== null && Buffer.compare(own, id.subjectKeyIdentifier) === 0;
  }
  return Buffer.compare(certificate.serial, id.serial) === 0 && Buffer.compare(certificate.issuer, id.issuer) === 0;
}

function mathematicalFault(
  signer: SignerInfo,
  contentType: string,
  key: KeyObject,
  contents: readonly (() => Uint8Array)[],
): string | null {
  switch (checkSigner(signer, contentType, key, contents)) {
    case 'good':
      return null;
    case 'content-differs':
      return 'Il contenuto del messaggio è stato modificato dopo la firma.';
    case 'signature-differs':
      return 'La firma non corrisponde alla chiave del firmatario.';
    case 'unsupported':
      return `La firma usa un algoritmo non accettato (${digestLabel(signer.digestAlgorithm)}).`;
  }
}

/** Why the certificate cannot stand for this message's sender; null when it can. */
function unfitness(leaf: ParsedCertificate, from: string | null, at: number): string | null {
  const signs = KEY_USAGE.digitalSignature | KEY_USAGE.nonRepudiation;
  if ((leaf.keyUsage !== null && (leaf.keyUsage & signs) === 0) || !servesEmail(leaf)) {
    return 'Il certificato del firmatario non è destinato alla firma di messaggi.';
  }
  if (!validAt(leaf, at)) return 'Il certificato del firmatario non era valido al momento della firma.';
  const address = from?.toLowerCase() ?? '';
  if (!leaf.emails.some(email => email.toLowerCase() === address)) {
    return `Il certificato del firmatario non è intestato al mittente del messaggio (${address || 'mittente assente o ambiguo'}).`;
  }
  return null;
}

function remarks(leaf: ParsedCertificate, findings: Findings, now: number): string[] {
  const reasons: string[] = [];
  if (findings.digestAlgorithm === 'SHA-1') {
    reasons.push('La firma usa l’impronta SHA-1, oggi considerata debole.');
  }
  if (findings.signingTime === null) reasons.push('La firma non riporta il momento in cui è stata apposta.');
  if (now > leaf.notAfter) {
    reasons.push(
      `Il certificato del gestore, valido al momento della firma, è scaduto il ${italianDate(leaf.notAfter)}.`,
    );
  }
  return reasons;
}
