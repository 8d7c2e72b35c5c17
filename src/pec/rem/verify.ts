/** What the evidence of a REM message is worth: its signature, and that it speaks of the message that it came with. */
import { createHash } from 'node:crypto';
import { decodeBody } from '../../mime/index.ts';
import type { MimeNode } from '../../mime/types.ts';
import type { Fields } from '../families/family.ts';
import type { SignatureOptions } from '../signature/anchors.ts';
import type { RemEvidence, SignatureOutcome } from '../types.ts';
import type { XmlElement } from '../xml.ts';
import { childrenOf, elementsOf, textOf } from './elements.ts';
import { evidenceDocument, lastLevel, readEvidence, sectionOf } from './evidence.ts';
import { digestOf, envelopedSignatures, verifyXades } from './xades.ts';

/** Null for a message without evidence. Never throws. */
export function verifyEvidence(
  raw: Uint8Array,
  root: MimeNode,
  fields: Fields,
  options: SignatureOptions,
): SignatureOutcome | null {
  try {
    const document = evidenceDocument(raw, root);
    if (document === null) return null;
    const evidence = readEvidence(document);
    const outcome = verifyXades(document, options, evidence.at);
    if (outcome.status === 'broken') return outcome;
    const stranger = contradiction(evidence, fields);
    if (stranger !== null) return { ...outcome, status: 'broken', reasons: [stranger] };
    if (coversOriginal(document, raw, root) !== false) return outcome;
    const remark = 'L’impronta scritta nell’evidenza non è quella del messaggio allegato.';
    const status = outcome.status === 'valid' ? 'valid-with-remarks' : outcome.status;
    return { ...outcome, status, reasons: [...outcome.reasons, remark] };
  } catch {
    const nothing = { digestAlgorithm: null, signingTime: null, signer: null, certificates: [] };
    return { status: 'broken', reasons: ['L’evidenza non è leggibile.'], ...nothing };
  }
}

/** The header says which evidence it is and of what (EN 319 532-3): what stands there must be what was signed. */
function contradiction({ id, event, messageIdentifier }: RemEvidence, fields: Fields): string | null {
  const header = (name: string): string | null => fields.get(name)?.trim() || null;
  const differ = (a: string | null, b: string | null): boolean => a !== null && b !== null && a !== b;
  if (differ(header('rem-evidence-id'), id)) return 'L’evidenza non è quella che il messaggio annuncia.';
  if (differ(lastLevel(header('rem-eventidentifier')), event)) {
    return 'L’evidenza attesta un evento diverso da quello che il messaggio annuncia.';
  }
  const bare = (text: string | null): string | null => text?.replace(/^<|>$/g, '') ?? null;
  if (differ(bare(header('rem-uamessageidentifier')), bare(messageIdentifier))) {
    return 'L’evidenza riguarda un altro messaggio.';
  }
  return null;
}

/** Whether one of the digests of the user's content is that of the enclosed message; null where there is none of them. */
function coversOriginal(document: XmlElement, raw: Uint8Array, root: MimeNode): boolean | null {
  const node = sectionOf(raw, root, 'original');
  const contents = elementsOf(document, envelopedSignatures(document)).filter(
    ({ localName }) => localName === 'UserContentInfo',
  );
  const digests = contents.flatMap(content =>
    elementsOf(content).flatMap(holder => {
      const [method, value] = ['DigestMethod', 'DigestValue'].map(name =>
        childrenOf(holder).find(({ localName }) => localName === name),
      );
      if (method === undefined || value === undefined) return [];
      const name = digestOf(method.getAttribute('Algorithm') || textOf(method).trim());
      return name === null ? [] : [{ name, value: Buffer.from(textOf(value), 'base64') }];
    }),
  );
  if (node === null || digests.length === 0) return null;
  const original = decodeBody(raw, node);
  return digests.some(({ name, value }) => createHash(name).update(original).digest().equals(value));
}
