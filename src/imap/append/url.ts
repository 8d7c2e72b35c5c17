import type { SectionSpec } from '../../store/types.ts';
import { SyntaxFailure } from '../errors.ts';
import { parseSection } from '../fetch/items.ts';
import { utf8 } from '../wire/parser.ts';

/** A message or a part of one as an IMAP URL names it (RFC 5092). */
export interface MessageUrl {
  /** Unicode; null: the mailbox that is selected. */
  readonly mailbox: string | null;
  readonly uidValidity: number | null;
  readonly uid: number;
  readonly section: SectionSpec;
}

const NUMBER = /^[1-9]\d{0,9}$/;

/** Reads a URL of this server's own account, absolute or relative; null for any other. @param octets as parsed */
export function parseMessageUrl(octets: string): MessageUrl | null {
  const path = /^imap:\/\/[^/]*\/(.*)$/is.exec(octets)?.[1] ?? /^\/([^/].*)$/s.exec(octets)?.[1];
  const relative = path === undefined && octets.startsWith(';');
  if (path === undefined && !relative) return null;
  const [, box = '', message = ''] = relative ? [octets, '', octets] : (/^(.*?)\/(;uid=.*)$/is.exec(path ?? '') ?? []);
  const [, name = '', validity] = /^([^;]*)(?:;uidvalidity=([^;]*))?$/i.exec(box) ?? [];
  const [, uid = '', section, offset, length] =
    /^;uid=(\d+)(?:\/;section=([^;]*?))?(?:\/;partial=(\d{1,15})(?:\.(\d{1,15}))?)?$/i.exec(message) ?? [];
  if (!NUMBER.test(uid) || (name === '' && !relative) || (validity !== undefined && !NUMBER.test(validity)))
    return null;
  const mailbox = relative ? null : decode(name);
  const spec = parseSpec(section);
  if (spec === null || (!relative && mailbox === null) || length === '0') return null;
  const partial = offset === undefined ? undefined : { offset: Number(offset), length: Number(length ?? 2 ** 32) };
  return {
    mailbox,
    uidValidity: validity === undefined ? null : Number(validity),
    uid: Number(uid),
    section: { ...spec, partial },
  };
}

function parseSpec(text: string | undefined): SectionSpec | null {
  if (text === undefined || text === '') return { part: [] };
  const decoded = decode(text);
  if (decoded === null) return null;
  try {
    return parseSection(Buffer.from(decoded, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxFailure) return null;
    throw error;
  }
}

/** Percent-encoded UTF-8; null when it is none, or has control characters. */
function decode(text: string): string | null {
  if (/%(?![0-9a-f]{2})/i.test(text)) return null;
  const octets = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const decoded = utf8(octets);
  return decoded === null || /\p{Cc}/u.test(decoded) ? null : decoded;
}
