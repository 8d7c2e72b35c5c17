/** What stands in for a parser's result when the parser could not cope: the message is one opaque text. */
import type { MessageStructure, SearchText } from '../../mime/types.ts';
import type { PecFacts } from '../../pec/types.ts';

const SEARCHED_OCTETS = 1024 * 1024;

export function unparsedStructure(raw: Uint8Array): MessageStructure {
  const octets = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const bodyStart = headerEnd(octets);
  let bodyLines = 0;
  for (let at = octets.indexOf(10, bodyStart); at !== -1; at = octets.indexOf(10, at + 1)) bodyLines += 1;
  const body = `"TEXT" "PLAIN" NIL NIL NIL "8BIT" ${raw.length - bodyStart} ${bodyLines}`;
  return {
    root: {
      headerStart: 0,
      bodyStart,
      bodyEnd: raw.length,
      bodyLines,
      type: 'text',
      subtype: 'plain',
      parameters: [],
      encoding: '8bit',
      dispositionParameters: [],
      language: [],
      children: [],
    },
    envelope: '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)',
    bodyStructure: `(${body} NIL NIL NIL NIL)`,
    subject: '',
    from: [],
    to: [],
    cc: [],
    sentAt: null,
    messageId: null,
    inReplyTo: null,
    references: [],
  };
}

export function unparsedFacts(): PecFacts {
  return {
    family: 'ordinaria',
    kind: 'ordinaria',
    virus: false,
    notice: null,
    rem: null,
    category: 'Ordinaria',
    receiptType: null,
    referenceMessageId: null,
    daticert: null,
    daticertError: null,
  };
}

/** The octets themselves, as UTF-8 where they are, are still searched. */
export function unparsedText(raw: Uint8Array): SearchText {
  const octets = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const end = headerEnd(octets);
  const header = octets.toString('utf8', 0, Math.min(end, SEARCHED_OCTETS)).replace(/\r?\n(?=[ \t])/g, '');
  const body = octets.toString('utf8', end, Math.min(raw.length, end + SEARCHED_OCTETS));
  const field = (name: string): string =>
    new RegExp(`^${name}[ \\t]*:[ \\t]*(.*)$`, 'im').exec(header)?.[1]?.trim() ?? '';
  return {
    subject: field('subject'),
    from: field('from'),
    to: field('to'),
    cc: field('cc'),
    bcc: field('bcc'),
    header,
    body,
    unreadable: [],
  };
}

function headerEnd(octets: Buffer): number {
  for (let at = octets.indexOf(10); at !== -1; at = octets.indexOf(10, at + 1)) {
    if (octets[at + 1] === 10) return at + 2;
    if (octets[at + 1] === 13 && octets[at + 2] === 10) return at + 3;
  }
  return octets.length;
}
