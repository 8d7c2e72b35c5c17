import { isMessageType } from './content.ts';
import { decodeHeader } from './encoded-word.ts';
import { partFilename } from './file-name.ts';
import { headerFields } from './header.ts';
import { LIMITS } from './limits.ts';
import { htmlToText, xmlToText } from './markup.ts';
import { scanMessage } from './scanner.ts';
import { parameter } from './structured.ts';
import { decodeBodyStart, decodeNodeCharset } from './transfer.ts';
import type { MessageStructure, MimeNode, SearchText } from './types.ts';

/** Types that hold no text: nothing to report when they are left out. */
const WITHOUT_TEXT =
  /^(?:image|audio|video|font|model)\/|^application\/(?:x-)?pkcs7-signature$|^application\/pgp-(?:signature|encrypted)$/;

/** How the reason begins where a part may hold text that is not read here: something else may yet read it. */
export const UNREAD = 'no text is read from';

/** Octets by which a text that is none is told, one character an octet: PDF, ZIP, RTF, CMS in base64 or PEM. */
const NO_TEXT = /^(?:%PDF-|PK\x03\x04|\{\\rtf|MI[IA][A-Za-z0-9+/]{20}|-----BEGIN (?:PKCS7|CMS))/;

const XML_TYPE = /^(?:application|text)\/xml$|\+xml$/;

/** A message begins with one of these, whatever else it holds. */
const TYPICAL_FIELDS: ReadonlySet<string> = new Set([
  'from',
  'date',
  'subject',
  'message-id',
  'received',
  'mime-version',
]);

/** A message and where its sections are numbered from. */
interface Source {
  readonly raw: Uint8Array;
  /** How many messages were decoded to come here. */
  readonly decoded: number;
}

/** Gathers text up to the limit, and what could not be read. */
class Collector {
  readonly #pieces: string[] = [];
  #left: number = LIMITS.searchText;
  readonly unreadable: { section: string; reason: string }[] = [];

  get full(): boolean {
    return this.#left === 0;
  }

  get text(): string {
    return this.#pieces.join('\n');
  }

  add(text: string, section: string): void {
    if (text === '') return;
    if (text.length <= this.#left) this.#pieces.push(text);
    else {
      if (this.#left > 0) this.#pieces.push(text.slice(0, this.#left));
      this.cut(section);
    }
    this.#left = Math.max(0, this.#left - text.length);
  }

  cut(section: string): void {
    this.fail(section, `text beyond ${LIMITS.searchText} characters is not searched`);
  }

  fail(section: string, reason: string): void {
    if (this.unreadable.length < LIMITS.parameters) this.unreadable.push({ section, reason });
  }
}

/** Every field of a header, decoded, one `Name: value` a line. */
function headerText(raw: Uint8Array, node: MimeNode): string {
  let text = '';
  for (const { name, value } of headerFields(raw, node.headerStart, node.bodyStart)) {
    if (text.length > LIMITS.searchText) break;
    text += `${text === '' ? '' : '\n'}${name}: ${decodeHeader(value)}`;
  }
  return text;
}

/** Charset that the XML declaration names (XML 1.0 section 4.3.3). */
function xmlCharset(bytes: Buffer): string {
  return (
    /^[^<]{0,8}<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})/.exec(bytes.toString('latin1', 0, 300))?.[1] ?? ''
  );
}

/** Charset that an HTML document names for itself, for parts whose Content-Type does not. */
function htmlCharset(bytes: Buffer): string {
  return /<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})/i.exec(bytes.toString('latin1', 0, 2048))?.[1] ?? '';
}

class Extractor {
  readonly #out = new Collector();

  get body(): string {
    return this.#out.text;
  }

  get unreadable(): SearchText['unreadable'] {
    return this.#out.unreadable;
  }

  /** The text below a message's header. */
  message(source: Source, root: MimeNode, section: string): void {
    if (root.type === 'multipart' && root.children.length > 0) this.#children(source, root, section);
    else this.#part(source, root, section === '' ? '1' : `${section}.1`);
  }

  #children(source: Source, node: MimeNode, section: string): void {
    node.children.forEach((child, index) => {
      this.#part(source, child, section === '' ? String(index + 1) : `${section}.${index + 1}`);
    });
  }

  #part(source: Source, node: MimeNode, section: string): void {
    const out = this.#out;
    if (out.full) {
      // One note is enough.
      if (!out.unreadable.some(({ reason }) => reason.startsWith('text beyond'))) out.cut(section);
      return;
    }
    const filename = partFilename(node);
    out.add(filename ?? '', section);
    out.add(node.description === undefined ? '' : decodeHeader(node.description), section);
    if (node.type === 'multipart' && node.children.length > 0) this.#children(source, node, section);
    else if (isMessageType(node)) this.#embedded(source, node, section);
    else if (/\.eml$/i.test(filename ?? '') && node.type === 'application')
      this.#attachedMessage(source, node, section);
    else this.#leaf(source, node, section, filename);
  }

  #embedded(source: Source, node: MimeNode, section: string): void {
    const root = node.children[0];
    if (node.encoding === 'base64' || node.encoding === 'quoted-printable') {
      // RFC 2046 forbids it; some senders do it, and the tree then shows the encoded text as a header.
      this.#attachedMessage(source, node, section);
    } else if (root) {
      this.#out.add(headerText(source.raw, root), section);
      this.message(source, root, section);
    } else this.#out.fail(section, 'nested too deeply');
  }

  /** A message that must be decoded first. */
  #attachedMessage(source: Source, node: MimeNode, section: string): void {
    if (source.decoded >= LIMITS.decodedMessages) {
      this.#out.fail(section, 'nested too deeply');
      return;
    }
    const raw = this.#decode(source, node, section);
    const root = scanMessage(raw);
    if (headerFields(raw, 0, root.bodyStart, TYPICAL_FIELDS).length === 0) {
      this.#out.fail(section, 'not a message');
      return;
    }
    this.#out.add(headerText(raw, root), section);
    this.message({ raw, decoded: source.decoded + 1 }, root, section);
  }

  #leaf(source: Source, node: MimeNode, section: string, filename: string | null): void {
    const type = `${node.type}/${node.subtype}`;
    const isXml = XML_TYPE.test(type) || (/\.xml$/i.test(filename ?? '') && !WITHOUT_TEXT.test(type));
    if (isXml) this.#xml(source, node, section);
    else if (node.type === 'text') this.#text(source, node, section);
    else if (!WITHOUT_TEXT.test(type)) this.#out.fail(section, `${UNREAD} ${type}`);
  }

  #decode(source: Source, node: MimeNode, section: string): Buffer {
    const size = node.bodyEnd - node.bodyStart;
    if (size > LIMITS.decodedPart) this.#out.fail(section, `only ${LIMITS.decodedPart} of ${size} octets are searched`);
    if (!KNOWN_ENCODINGS.has(node.encoding)) {
      this.#out.fail(section, `unknown transfer encoding ${node.encoding.slice(0, 64)}`);
    }
    return decodeBodyStart(source.raw, node);
  }

  /** Octets to text by `charset`, else by what the part says. */
  #characters(bytes: Buffer, node: MimeNode, section: string, charset: string): string {
    const parameters = charset === '' ? node.parameters : [['charset', charset] as const];
    const { text, problem } = decodeNodeCharset(bytes, { ...node, parameters });
    if (problem !== undefined) this.#out.fail(section, problem);
    return text;
  }

  #xml(source: Source, node: MimeNode, section: string): void {
    const bytes = this.#decode(source, node, section);
    // The declaration knows better than the mail program (RFC 7303 says otherwise, and is rarely heeded).
    const xml = this.#characters(bytes, node, section, xmlCharset(bytes));
    let files = false;
    const text = xmlToText(xml, () => {
      files = true;
    });
    this.#out.add(text, section);
    if (files) this.#out.fail(section, `${UNREAD} files inside XML`);
  }

  #text(source: Source, node: MimeNode, section: string): void {
    const bytes = this.#decode(source, node, section);
    if (isOther(bytes, node)) this.#out.fail(section, `${UNREAD} what is no text/${node.subtype.slice(0, 64)}`);
    if (node.subtype !== 'html') {
      this.#out.add(this.#characters(bytes, node, section, ''), section);
      return;
    }
    const own = parameter(node.parameters, 'charset') === undefined ? htmlCharset(bytes) : '';
    this.#out.add(htmlToText(this.#characters(bytes, node, section, own)), section);
  }
}

/** Whether a text looks like something else, or like UTF-16 that nobody declared. */
function isOther(bytes: Buffer, node: MimeNode): boolean {
  if (NO_TEXT.test(bytes.toString('latin1', 0, 32).trimStart())) return true;
  return bytes.subarray(0, 512).includes(0) && !/^utf-?(?:16|32)/i.test(parameter(node.parameters, 'charset') ?? '');
}

const KNOWN_ENCODINGS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary', 'base64', 'quoted-printable']);

/** The message's text as IMAP SEARCH sees it. Never throws; bounded by `LIMITS.searchText`. */
export function extractSearchText(raw: Uint8Array, structure: Pick<MessageStructure, 'root'>): SearchText {
  const root = structure.root;
  const fields = headerFields(raw, root.headerStart, root.bodyStart);
  const field = (name: string) =>
    fields
      .filter(candidate => candidate.name.toLowerCase() === name)
      .map(candidate => decodeHeader(candidate.value))
      .join('\n');
  const extractor = new Extractor();
  extractor.message({ raw, decoded: 0 }, root, '');
  return {
    subject: field('subject'),
    from: field('from'),
    to: field('to'),
    cc: field('cc'),
    bcc: field('bcc'),
    header: headerText(raw, root),
    body: extractor.body,
    unreadable: extractor.unreadable,
  };
}
