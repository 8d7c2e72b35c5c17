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

/** Text and attribute values of an XML document, such as daticert.xml; entities of a DTD are never expanded. */
export function xmlToText(xml: string): string {
  const pieces: string[] = [];
  const divide = () => {
    pieces.push('\n');
  };
  const take = (start: number, end: number) => {
    pieces.push(xml.slice(start, end));
  };
  const takeCode = (code: number) => {
    pieces.push(String.fromCodePoint(code));
  };
  tokenize(xml, true, {
    onopentagname: divide,
    onclosetag: divide,
    onattribname: divide,
    onattribdata: take,
    onattribentity: takeCode,
    onattribend: divide,
    ontext: take,
    ontextentity: takeCode,
    oncdata: (start, end, endOffset) => take(start, end - endOffset),
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
