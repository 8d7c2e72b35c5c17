import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';

/** What a reader of XML listens to. Names come without their namespace's prefix. */
export interface XmlHandler {
  open?(name: string): void;
  attribute?(name: string, value: string): void;
  /** Of the element opened last, in pieces; the predefined and the numeric entities are resolved, others left as written. */
  text?(text: string): void;
  close?(name: string): void;
  /** Whether the rest need not be read. */
  enough?(): boolean;
}

/** How much is tokenized between two looks at `enough`. */
const SLICE = 256 * 1024;

function localName(xml: string, start: number, end: number): string {
  // A name of megabytes would be copied each time that it is asked for.
  const name = xml.slice(start, Math.min(end, start + 200));
  return name.slice(name.indexOf(':') + 1);
}

/**
 * Reads XML in one pass: no tree, no DTD, no entity of one, and no complaint: what is not well-formed gives what can be
 * told apart. A tokenizer and not a parser, since the stack of open elements is what makes parsers quadratic.
 */
export function readXml(xml: string, on: XmlHandler): void {
  let element = '';
  let attribute = '';
  /** Of a namespace: no attribute in the sense of XML Namespaces 1.0. */
  let declaration = false;
  let value = '';
  const nothing = () => {};
  const text = (start: number, end: number) => on.text?.(xml.slice(start, end));
  const callbacks: TokenizerCallbacks = {
    onopentagname(start, end) {
      element = localName(xml, start, end);
      on.open?.(element);
    },
    onattribname(start, end) {
      attribute = localName(xml, start, end);
      declaration = xml.startsWith('xmlns', start);
      value = '';
    },
    onattribdata(start, end) {
      value += xml.slice(start, end);
    },
    onattribentity(code) {
      value += String.fromCodePoint(code);
    },
    onattribend() {
      if (!declaration) on.attribute?.(attribute, value);
    },
    onselfclosingtag() {
      on.close?.(element);
    },
    onclosetag(start, end) {
      on.close?.(localName(xml, start, end));
    },
    ontext: text,
    ontextentity: code => on.text?.(String.fromCodePoint(code)),
    oncdata: (start, end, endOffset) => text(start, end - endOffset),
    onopentagend: nothing,
    oncomment: nothing,
    ondeclaration: nothing,
    onprocessinginstruction: nothing,
    onend: nothing,
  };
  const tokenizer = new Tokenizer({ xmlMode: true, decodeEntities: true }, callbacks);
  for (let at = 0; at < xml.length; at += SLICE) {
    if (on.enough?.()) return;
    tokenizer.write(xml.slice(at, at + SLICE));
  }
  tokenizer.end();
}
