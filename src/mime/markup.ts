import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';

// The tokenizer and not the parser: the parser keeps a stack of open elements whose cost is quadratic in its depth,
// and a megabyte of `<div>` would hold the thread for minutes.

/** Elements whose content nobody sees. Their end is found by the tokenizer itself, so they cannot swallow the rest. */
const HIDDEN = new Set(['script', 'style', 'title']);

/** Elements that do not divide words; all others do. */
const INLINE = new Set(
  'a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp small span strike strong sub sup time tt u var wbr'.split(
    ' ',
  ),
);

/** XML elements of base64 in signatures (XMLDSig, XAdES): nobody searches for them. */
export const SIGNATURE_OCTETS: ReadonlySet<string> = new Set([
  'SignatureValue',
  'DigestValue',
  'X509Certificate',
  'Modulus',
  'EncapsulatedTimeStamp',
  'EncapsulatedX509Certificate',
  'EncapsulatedOCSPValue',
  'EncapsulatedCRLValue',
]);

/** XML element of FatturaPA 1.x that holds a file in base64. */
export const XML_FILE = 'Attachment';
/** Other documents have words in an element of that name. */
const BASE64 = /^\s*[A-Za-z0-9+/]{24}/;

/** Runs the tokenizer with what `on` has, the rest ignored. */
function tokenize(text: string, xmlMode: boolean, on: Partial<TokenizerCallbacks>): void {
  const nothing = () => {};
  const callbacks: TokenizerCallbacks = {
    onattribdata: nothing,
    onattribentity: nothing,
    onattribend: nothing,
    onattribname: nothing,
    oncdata: nothing,
    onclosetag: nothing,
    oncomment: nothing,
    ondeclaration: nothing,
    onend: nothing,
    onopentagend: nothing,
    onopentagname: nothing,
    onprocessinginstruction: nothing,
    onselfclosingtag: nothing,
    ontext: nothing,
    ontextentity: nothing,
    ...on,
  };
  const tokenizer = new Tokenizer({ xmlMode, decodeEntities: true }, callbacks);
  tokenizer.write(text);
  tokenizer.end();
}

/** What a reader sees of an HTML document: text with white space collapsed, a line break where an element divides. */
export function htmlToText(html: string): string {
  const pieces: string[] = [];
  let hidden = false;
  let inAlt = false;
  let element = '';
  const divide = (name: string) => {
    if (!INLINE.has(name)) pieces.push('\n');
  };
  tokenize(html, false, {
    onopentagname(start, end) {
      element = html.slice(start, Math.min(end, start + 32)).toLowerCase();
      hidden = HIDDEN.has(element);
      divide(element);
    },
    onclosetag(start, end) {
      hidden = false;
      divide(html.slice(start, Math.min(end, start + 32)).toLowerCase());
    },
    onattribname(start, end) {
      inAlt = element === 'img' && end - start === 3 && html.slice(start, end).toLowerCase() === 'alt';
    },
    onattribdata(start, end) {
      if (inAlt) pieces.push(html.slice(start, end));
    },
    onattribentity(code) {
      if (inAlt) pieces.push(String.fromCodePoint(code));
    },
    ontext(start, end) {
      if (!hidden) pieces.push(html.slice(start, end).replace(/\s+/g, ' '));
    },
    ontextentity(code) {
      if (!hidden) pieces.push(String.fromCodePoint(code).replace(/\s/, ' '));
    },
  });
  return tidy(pieces);
}

/**
 * Text and attribute values of an XML document, such as daticert.xml; entities of a DTD are never expanded. What is
 * base64 in signatures and invoices is left out.
 * @param onFile told of a file in the document, which is not read
 */
export function xmlToText(xml: string, onFile: () => void = () => {}): string {
  const pieces: string[] = [];
  let element = '';
  const divide = () => {
    pieces.push('\n');
  };
  const end = () => {
    element = '';
    divide();
  };
  const take = (start: number, end: number) => {
    pieces.push(xml.slice(start, end));
  };
  const takeCode = (code: number) => {
    pieces.push(String.fromCodePoint(code));
  };
  const text = (start: number, end: number) => {
    if (element === XML_FILE && BASE64.test(xml.slice(start, Math.min(end, start + 200)))) onFile();
    else if (!SIGNATURE_OCTETS.has(element)) take(start, end);
  };
  tokenize(xml, true, {
    onopentagname(start, end) {
      // A name of megabytes would be copied each time that it is asked for.
      const name = xml.slice(start, Math.min(end, start + 200));
      element = name.slice(name.indexOf(':') + 1);
      divide();
    },
    onclosetag: end,
    onselfclosingtag: end,
    onattribname: divide,
    onattribdata: take,
    onattribentity: takeCode,
    onattribend: divide,
    ontext: text,
    ontextentity: takeCode,
    oncdata: (start, end, endOffset) => text(start, end - endOffset),
  });
  return tidy(pieces);
}

function tidy(pieces: readonly string[]): string {
  return pieces
    .join('')
    .split('\n')
    .map(line => line.replace(/ {2,}/g, ' ').trim())
    .filter(line => line !== '')
    .join('\n');
}
