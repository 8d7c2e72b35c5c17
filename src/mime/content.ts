import { asBuffer, fieldEnd, isBlankLine, unfold } from './header.ts';
import { LIMITS } from './limits.ts';
import { Cursor, type ParameterisedValue, parseParameterised } from './structured.ts';
import type { MimeNode } from './types.ts';

/** The Content-* fields of one part's header (RFC 2045, 1864, 2183, 2557, 3282), unfolded; first field wins. */
export interface ContentFields {
  readonly contentType?: ParameterisedValue;
  readonly type: string;
  readonly subtype: string;
  readonly id?: string;
  readonly description?: string;
  readonly encoding: string;
  readonly md5?: string;
  readonly disposition?: ParameterisedValue;
  readonly language: readonly string[];
  readonly location?: string;
}

const NAMES = new Set([
  'content-type',
  'content-id',
  'content-description',
  'content-transfer-encoding',
  'content-md5',
  'content-disposition',
  'content-language',
  'content-location',
]);

/** Values of the Content-* fields by name. Only lines that start with `Content-` cost more than a look. */
function rawFields(raw: Buffer, start: number, end: number): Map<string, string> {
  const values = new Map<string, string>();
  let position = start;
  while (position < end && !isBlankLine(raw, position, end)) {
    const next = fieldEnd(raw, position, end);
    const first = raw[position];
    if ((first === 0x43 || first === 0x63) && raw[position + 7] === 0x2d) {
      const head = raw.toString('latin1', position, Math.min(next, position + 60));
      const colon = head.indexOf(':');
      const name = head.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase();
      if (NAMES.has(name) && !values.has(name)) {
        values.set(name, unfold(raw, position + colon + 1, next, LIMITS.contentField));
      }
    }
    position = next;
  }
  return values;
}

const TOKEN = /^[^\s\x00-\x1f\x7f()<>@,;:\\"/[\]?=]+$/;

/** The first word, without comments. */
function firstWord(value: string): string {
  const cursor = new Cursor(value);
  cursor.skip();
  return cursor
    .until(/[ \t\r\n();]/g)
    .replace(/^"(.*)"$/, '$1')
    .toLowerCase();
}

/** Reads the Content-* fields between `start` and `end`. `inDigest`: the default type is message/rfc822. */
export function contentFields(bytes: Uint8Array, start: number, end: number, inDigest: boolean): ContentFields {
  const values = rawFields(asBuffer(bytes), start, end);
  const typeField = values.get('content-type');
  let contentType = typeField === undefined ? undefined : parseParameterised(typeField);
  const slash = contentType?.value.indexOf('/') ?? -1;
  let type = contentType?.value.slice(0, slash) ?? '';
  let subtype = contentType?.value.slice(slash + 1) ?? '';
  if (slash < 0 || !TOKEN.test(type) || !TOKEN.test(subtype)) {
    contentType = undefined;
    [type, subtype] = inDigest && typeField === undefined ? ['message', 'rfc822'] : ['text', 'plain'];
  }
  const disposition = values.get('content-disposition');
  const language = values.get('content-language');
  return {
    contentType,
    type,
    subtype,
    id: values.get('content-id'),
    description: values.get('content-description'),
    encoding: firstWord(values.get('content-transfer-encoding') ?? '') || '7bit',
    md5: values.get('content-md5'),
    disposition: disposition === undefined ? undefined : parseParameterised(disposition),
    language: language === undefined ? [] : languages(language),
    location: values.get('content-location'),
  };
}

function languages(value: string): string[] {
  return value
    .replace(/\([^()]*\)/g, '')
    .split(',')
    .map(tag => tag.trim())
    .filter(tag => tag !== '')
    .slice(0, LIMITS.parameters);
}

/** Whether the node's body is itself a message (RFC 2046 section 5.2.1, RFC 6532 section 3.7). */
export function isMessageType(node: Pick<MimeNode, 'type' | 'subtype'>): boolean {
  return node.type === 'message' && (node.subtype === 'rfc822' || node.subtype === 'global');
}

/** Whether the part has parts: such a one is never encoded itself (RFC 2045 section 6.4). */
export function isComposite(node: Pick<MimeNode, 'type' | 'children'>): boolean {
  return node.type === 'multipart' || node.children.length > 0;
}
