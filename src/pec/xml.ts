/** XML from outside: bounded, without document types or entities. */
import { DOMParser, type Element } from '@xmldom/xmldom';

export type XmlElement = Element;

/** A document that cannot be read; the message says why, in English. */
export class XmlError extends Error {
  override name = 'XmlError';
}

/** The parser needs up to half a microsecond an octet. */
const MAX_SIZE = 512 * 1024;
/** Documents of mail nest a dozen deep; a tree of a hundred thousand levels only costs memory. */
const MAX_DEPTH = 32;

/** Whether a part of so many octets can be small enough when it is decoded, whatever its encoding. */
export function mayBeRead(encodedSize: number): boolean {
  return encodedSize <= 3 * MAX_SIZE;
}

/** The root element. Throws an XmlError. */
export function readXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > MAX_SIZE) throw new XmlError('too large');
  const xml = decode(bytes);
  if (/<!\s*(DOCTYPE|ENTITY)/i.test(xml)) throw new XmlError('document type declarations are refused');
  if (deeperThan(xml, MAX_DEPTH)) throw new XmlError('nested too deeply');
  return parseXml(xml);
}

function parseXml(xml: string): XmlElement {
  let reason = 'no root element';
  const onError = (level: string, message: string): void => {
    // Warnings (an attribute without quotes) do not change what is read; throwing ends the parse.
    if (level === 'warning') return;
    reason = message;
    throw new XmlError(message);
  };
  try {
    const { documentElement } = new DOMParser({ onError }).parseFromString(xml, 'application/xml');
    if (documentElement !== null) return documentElement;
  } catch {
    // Told below: the parser wraps what onError throws.
  }
  throw new XmlError(`not well-formed: ${reason.slice(0, 200)}`);
}

/** In the declared encoding; UTF-8 that is none is read as windows-1252, which is what such gestori wrote. */
function decode(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^[^<]*<\?xml[^>]*\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(head)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(declared, { fatal: true }).decode(bytes).trimStart();
  } catch {
    return new TextDecoder('windows-1252').decode(bytes).trimStart();
  }
}

/** Counts tags only: what is miscounted here is not well-formed and fails in the parser. */
function deeperThan(xml: string, limit: number): boolean {
  let depth = 0;
  for (const [tag] of xml.matchAll(/<[^<>]*>/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/>') && !tag.startsWith('<?') && !tag.startsWith('<!')) depth++;
    if (depth > limit) return true;
  }
  return false;
}

/** Control characters are no XML, but the parser lets them pass. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '\uFFFD').trim();
}
