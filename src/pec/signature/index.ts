/**
 * What vouches for a message: the gestore's signature of it, and in a REM message the signature of the evidence as well.
 * Synchronous and free of I/O: it is meant for worker threads.
 */
import type { MimeNode } from '../../mime/types.ts';
import { sha256Fingerprint } from '../../pki/pem.ts';
import { pecFields } from '../headers.ts';
import { verifyEvidence } from '../rem/verify.ts';
import type { SignatureOutcome } from '../types.ts';
import type { SignatureOptions } from './anchors.ts';
import { verifyMessageSignature } from './smime.ts';

/** From the best to the worst; where a message has two signatures, the worse one says what it is worth. */
const ORDER: readonly SignatureOutcome['status'][] = [
  'valid',
  'valid-with-remarks',
  'none',
  'unknown-issuer',
  'broken',
];

/** Checks the signature of the top level of a message. Never throws. */
export function verifySignature(raw: Uint8Array, root: MimeNode, options: SignatureOptions): SignatureOutcome {
  const message = verifyMessageSignature(raw, root, options);
  const fields = pecFields(raw, root);
  if (!fields.has('rem-messagetype') && !fields.has('rem-eventidentifier')) return message;
  const evidence = verifyEvidence(raw, root, fields, options);
  if (evidence === null) return message;
  const { certificates, ...summary } = evidence;
  const known = new Set(message.certificates.map(der => sha256Fingerprint(der)));
  return {
    ...message,
    status: ORDER.indexOf(evidence.status) > ORDER.indexOf(message.status) ? evidence.status : message.status,
    reasons: [...message.reasons, ...evidence.reasons],
    certificates: [...message.certificates, ...certificates.filter(der => !known.has(sha256Fingerprint(der)))],
    evidence: summary,
  };
}
