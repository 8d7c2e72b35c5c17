/**
 * The XML evidence in a REM message (ETSI EN 319 522-3, carried as EN 319 532-3 says): what it tells, field by field.
 * Nothing is read from its signature, which covers all the rest.
 */
import { decodeBody, headerFields } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { RemEvidence } from '../types.ts';
import { mayBeRead, printable, readXml, type XmlElement, XmlError } from '../xml.ts';
import { elementsOf } from './elements.ts';
import { envelopedSignatures } from './xades.ts';

/** Parts that are looked at. */
const MAX_PARTS = 50;
const SECTION = new Set(['rem-section-type']);

export interface EvidenceResult {
  readonly evidence: RemEvidence | null;
  /** Why it could not be read, when it was there. */
  readonly evidenceError: string | null;
}

export function findEvidence(raw: Uint8Array, root: MimeNode): EvidenceResult {
  try {
    const document = evidenceDocument(raw, root);
    return { evidence: document === null ? null : readEvidence(document), evidenceError: null };
  } catch (error) {
    return { evidence: null, evidenceError: `evidence: ${error instanceof XmlError ? error.message : 'unreadable'}` };
  }
}

/**
 * Root of the first evidence among the parts that are signed; not of one of a message inside, which is another's. Throws
 * an XmlError.
 */
export function evidenceDocument(raw: Uint8Array, root: MimeNode): XmlElement | null {
  const node = sectionOf(raw, root, 'xml_evidence');
  if (node === null) return null;
  if (!mayBeRead(node.bodyEnd - node.bodyStart)) throw new XmlError('too large');
  return readXml(decodeBody(raw, node));
}

/** The first part that says it is that section of the REM message. */
export function sectionOf(raw: Uint8Array, root: MimeNode, section: 'original' | 'xml_evidence'): MimeNode | null {
  const mixed = root.type === 'multipart' && root.subtype === 'signed' ? root.children[0] : root;
  const parts = mixed?.type === 'multipart' ? mixed.children.slice(0, MAX_PARTS) : [];
  return parts.find(part => isSection(raw, part, section)) ?? null;
}

function isSection(raw: Uint8Array, node: MimeNode, wanted: string): boolean {
  const [section] = headerFields(raw, node.headerStart, node.bodyStart, SECTION);
  return section?.value.trim().toLowerCase().split('/').at(-1) === wanted;
}

/** Throws an XmlError. */
export function readEvidence(root: XmlElement): RemEvidence {
  const signatures = envelopedSignatures(root);
  const all = elementsOf(root, signatures);
  const text = (name: string, within = all): string | null => {
    const found = within.find(element => element.localName === name);
    return found === undefined ? null : printable(found.textContent ?? '') || null;
  };
  const time = Date.parse(text('EventTime') ?? '');
  const of = (name: string): XmlElement[] => all.filter(element => element.localName === name);
  return {
    id: text('EvidenceIdentifier'),
    event: lastLevel(text('ERDSEventId') ?? text('EventIdentifier')),
    reasons: of('EventReason')
      .map(element => lastLevel(text('Code', elementsOf(element))) ?? '')
      .filter(Boolean),
    at: Number.isNaN(time) ? null : time,
    issuer: address(of('EvidenceIssuerDetails')[0]),
    sender: address(of('SenderDetails')[0]),
    recipients: of('RecipientDetails')
      .concat(of('RecipientsDetails'))
      .flatMap(element => address(element) ?? []),
    messageIdentifier: text('MessageIdentifier'),
    signed: signatures.length > 0,
  };
}

/** The first mail address in an element, lower case: schemes put it into an Identifier with a prefix or into a URI. */
function address(element: XmlElement | undefined): string | null {
  return /[^\s<>:,;"']{1,64}@[^\s<>:,;"']{1,255}/.exec(element?.textContent ?? '')?.[0].toLowerCase() ?? null;
}

export function lastLevel(uri: string | null): string | null {
  return uri?.split(/[/#]/).at(-1)?.trim() || null;
}
