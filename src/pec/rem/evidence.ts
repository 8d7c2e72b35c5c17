/**
 * The XML evidence in a REM message (ETSI EN 319 522-3, carried as EN 319 532-3 says): what it tells, field by field.
 * Its own XAdES signature is not checked here; what vouches for it is the signature of the message that carries it.
 */
import { decodeBody, headerFields } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { RemEvidence } from '../types.ts';
import { mayBeRead, printable, readXml, type XmlElement, XmlError } from '../xml.ts';

/** Parts that are looked at, and elements of one evidence. */
const MAX_PARTS = 50;
const MAX_ELEMENTS = 20_000;
const SECTION = new Set(['rem-section-type']);
const ELEMENT_NODE = 1;

export interface EvidenceResult {
  readonly evidence: RemEvidence | null;
  /** Why it could not be read, when it was there. */
  readonly evidenceError: string | null;
}

/** The first evidence among the parts that are signed; not one of a message inside, which is another's. */
export function findEvidence(raw: Uint8Array, root: MimeNode): EvidenceResult {
  const mixed = root.type === 'multipart' && root.subtype === 'signed' ? root.children[0] : root;
  const parts = mixed?.type === 'multipart' ? mixed.children.slice(0, MAX_PARTS) : [];
  const node = parts.find(part => isEvidence(raw, part));
  if (node === undefined) return { evidence: null, evidenceError: null };
  try {
    if (!mayBeRead(node.bodyEnd - node.bodyStart)) throw new XmlError('too large');
    return { evidence: readEvidence(decodeBody(raw, node)), evidenceError: null };
  } catch (error) {
    return { evidence: null, evidenceError: `evidence: ${error instanceof XmlError ? error.message : 'unreadable'}` };
  }
}

function isEvidence(raw: Uint8Array, node: MimeNode): boolean {
  const [section] = headerFields(raw, node.headerStart, node.bodyStart, SECTION);
  return section !== undefined && /(^|\/)xml_evidence\s*$/i.test(section.value);
}

/** Throws an XmlError. */
function readEvidence(bytes: Uint8Array): RemEvidence {
  const root = readXml(bytes);
  const all = [...descendants(root)];
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
      .map(element => lastLevel(text('Code', [...descendants(element)])) ?? '')
      .filter(Boolean),
    at: Number.isNaN(time) ? null : time,
    issuer: address(of('EvidenceIssuerDetails')[0]),
    sender: address(of('SenderDetails')[0]),
    recipients: of('RecipientDetails')
      .concat(of('RecipientsDetails'))
      .flatMap(element => address(element) ?? []),
    messageIdentifier: text('MessageIdentifier'),
    signed: all.some(({ localName, namespaceURI }) => localName === 'Signature' && namespaceURI === DSIG),
  };
}

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

/** In document order, the root first. Throws an XmlError when there are too many. */
function* descendants(root: XmlElement): Generator<XmlElement> {
  const stack = [root];
  let left = MAX_ELEMENTS;
  for (let element = stack.pop(); element !== undefined; element = stack.pop()) {
    if (left-- === 0) throw new XmlError('too many elements');
    yield element;
    const inner: XmlElement[] = [];
    for (let node = element.firstChild; node !== null; node = node.nextSibling) {
      if (node.nodeType === ELEMENT_NODE) inner.push(node as XmlElement);
    }
    stack.push(...inner.reverse());
  }
}

/** The first mail address in an element, lower case: schemes put it into an Identifier with a prefix or into a URI. */
function address(element: XmlElement | undefined): string | null {
  return /[^\s<>:,;"']{1,64}@[^\s<>:,;"']{1,255}/.exec(element?.textContent ?? '')?.[0].toLowerCase() ?? null;
}

function lastLevel(uri: string | null): string | null {
  return uri?.split(/[/#]/).at(-1)?.trim() || null;
}
