/** All that can be told of one message, as one JSON document (`archivia inspect FILE.eml`). */
import { createHash } from 'node:crypto';
import { headerFields, partFilename, scanMessage } from '../mime/index.ts';
import type { MimeNode } from '../mime/types.ts';
import { sha256Fingerprint } from '../pki/pem.ts';
import { classifyMessage } from './classify.ts';
import type { SignatureOptions } from './signature/anchors.ts';
import { verifySignature } from './signature/index.ts';
import type { PecFacts, SignatureOutcome, SignerCertificate } from './types.ts';

interface InspectedPart {
  /** Part number as IMAP counts, `1.3.2`. */
  readonly section: string;
  readonly type: string;
  readonly filename: string | null;
  readonly encoding: string;
  /** Octets of the body as it stands, not decoded. */
  readonly size: number;
}

export interface Inspection extends Omit<PecFacts, 'referenceMessageId'> {
  readonly size: number;
  /** Hex SHA-256 of the raw bytes. */
  readonly sha256: string;
  /** What joins the message to the others of its exchange. */
  readonly exchange: {
    readonly messageId: string | null;
    /** The PEC id: same in busta, accettazione and consegne. */
    readonly identificativo: string | null;
    /** Message-ID of the sender's client: the key to the copy in the sent folder. */
    readonly msgid: string | null;
    readonly consegna: string | null;
  };
  readonly parts: readonly InspectedPart[];
  readonly signature: ReadableOutcome & {
    /** Hex SHA-256 of each certificate in the signature. */
    readonly certificates: readonly string[];
    /** Of a REM message's evidence, where there is one. */
    readonly evidence?: ReadableOutcome;
  };
}

type Outcome = Omit<SignatureOutcome, 'certificates' | 'evidence'>;

/** Times in ISO 8601, UTC. */
type ReadableOutcome = Omit<Outcome, 'signingTime' | 'signer'> & {
  readonly signingTime: string | null;
  readonly signer:
    | (Omit<SignerCertificate, 'notBefore' | 'notAfter'> & { readonly notBefore: string; readonly notAfter: string })
    | null;
};

/** Reads a message of any kind. Never throws. */
export function inspectMessage(raw: Uint8Array, options: SignatureOptions = { anchors: [] }): Inspection {
  const root = scanMessage(raw);
  const { referenceMessageId, ...facts } = classifyMessage(raw, root);
  const [messageId] = headerFields(raw, root.headerStart, root.bodyStart, new Set(['message-id']));
  return {
    size: raw.length,
    sha256: createHash('sha256').update(raw).digest('hex'),
    ...facts,
    exchange: {
      messageId: messageId?.value || null,
      identificativo: facts.daticert?.identificativo ?? null,
      msgid: facts.daticert?.msgid ?? referenceMessageId,
      consegna: facts.daticert?.consegna ?? null,
    },
    parts: listParts(root),
    signature: readable(verifySignature(raw, root, options)),
  };
}

function readable({ certificates, evidence, ...outcome }: SignatureOutcome): Inspection['signature'] {
  return {
    ...withReadableTimes(outcome),
    certificates: certificates.map(sha256Fingerprint),
    ...(evidence && { evidence: withReadableTimes(evidence) }),
  };
}

function withReadableTimes(outcome: Outcome): ReadableOutcome {
  const { signingTime, signer } = outcome;
  return {
    ...outcome,
    signingTime: iso(signingTime),
    signer:
      signer === null
        ? null
        : { ...signer, notBefore: iso(signer.notBefore) ?? '', notAfter: iso(signer.notAfter) ?? '' },
  };
}

/** Null for what no Date can hold, too. */
function iso(at: number | null): string | null {
  const date = new Date(at ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** Sections as IMAP numbers them (RFC 3501 section 6.4.5): a message that is no multipart has its body as part 1. */
function listParts(root: MimeNode): InspectedPart[] {
  const parts: InspectedPart[] = [];
  const below = (section: string, index: number) => (section === '' ? `${index + 1}` : `${section}.${index + 1}`);
  const visit = (node: MimeNode, section: string): void => {
    parts.push({
      section,
      type: `${node.type}/${node.subtype}`,
      filename: partFilename(node),
      encoding: node.encoding,
      size: node.bodyEnd - node.bodyStart,
    });
    if (node.type === 'multipart') visitAll(node.children, section);
    else for (const message of node.children) visitMessage(message, section);
  };
  const visitAll = (nodes: readonly MimeNode[], section: string): void => {
    for (const [index, node] of nodes.entries()) visit(node, below(section, index));
  };
  const visitMessage = (message: MimeNode, section: string): void =>
    visitAll(message.type === 'multipart' ? message.children : [message], section);
  visitMessage(root, '');
  return parts;
}
