/** Writes XML 1.0 by small functions. What goes in is text; what comes out is markup. */

/** Markup that has been escaped already. */
export class Markup {
  readonly xml: string;
  constructor(xml: string) {
    this.xml = xml;
  }
}

export type Content = Markup | string | number | boolean | null | readonly Content[];
type Attributes = Readonly<Record<string, string | number | boolean | null>>;

/** Everything outside the production Char (XML 1.0 section 2.2): lone surrogates and most control characters. */
const ILLEGAL = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A parser would turn a bare CR into LF, and a tab or line break of an attribute into a blank.
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** Text as element content. Characters that XML cannot carry are dropped. */
export function escapeText(text: string): string {
  return text.replace(ILLEGAL, '').replace(/[&<>\r]/g, character => ESCAPES[character] ?? '');
}

function escapeAttribute(text: string): string {
  return text.replace(ILLEGAL, '').replace(/[&<>"\r\n\t]/g, character => ESCAPES[character] ?? '');
}

/** One element. Attributes and children that are null are left out; names are the program's own and not escaped. */
export function element(name: string, attributes: Attributes, ...children: readonly Content[]): Markup {
  const head = Object.entries(attributes)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => ` ${key}="${escapeAttribute(String(value))}"`)
    .join('');
  const body = children.map(render).join('');
  return new Markup(body === '' ? `<${name}${head}/>` : `<${name}${head}>${body}</${name}>`);
}

/** An element without attributes. */
export function tag(name: string, ...children: readonly Content[]): Markup {
  return element(name, {}, ...children);
}

function render(content: Content): string {
  if (content === null) return '';
  if (content instanceof Markup) return content.xml;
  if (typeof content === 'object') return content.map(render).join('');
  return escapeText(String(content));
}
