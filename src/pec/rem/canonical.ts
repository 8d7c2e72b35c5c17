/**
 * Canonical XML of an element without comments: inclusive (W3C Canonical XML 1.0, and 1.1, which differs from it only in
 * xml:base and xml:id of elements above) and exclusive (W3C Exclusive XML Canonicalization 1.0).
 */
import type { XmlElement } from '../xml.ts';

const XMLNS = 'http://www.w3.org/2000/xmlns/';
const XML = 'http://www.w3.org/XML/1998/namespace';
const ELEMENT = 1;
const TEXT = 3;
const CDATA = 4;
const INSTRUCTION = 7;

/** In scope of one element: an evidence has five or six, and a thousand would be sorted at each of its elements. */
const MAX_NAMESPACES = 64;

export interface CanonicalForm {
  readonly exclusive: boolean;
  /** InclusiveNamespaces: prefixes that are treated as inclusive ones; the empty one is the default namespace. */
  readonly inclusivePrefixes?: readonly string[];
}

/** Prefix (empty: default) to namespace. */
type Namespaces = ReadonlyMap<string, string>;

/**
 * Throws a RangeError where there are too many namespaces.
 * @param omitted an element that is left out with all it holds: an enveloped signature
 */
export function canonical(apex: XmlElement, form: CanonicalForm, omitted: XmlElement | null = null): string {
  const above = ancestors(apex);
  let scope: Namespaces = new Map();
  for (const element of above) scope = inScope(element, scope);
  // Inclusive canonicalization brings xml:lang and the like down to the apex.
  const inherited = form.exclusive ? [] : inheritedXmlAttributes(above, apex);
  const out: string[] = [];
  write(apex, scope, new Map(), inherited, form, omitted, out);
  return out.join('');
}

/** The same of a whole document: with its processing instructions. */
export function canonicalDocument(root: XmlElement, form: CanonicalForm, omitted: XmlElement | null): string {
  const before: string[] = [];
  const after: string[] = [];
  let place = before;
  for (let node = root.ownerDocument?.firstChild ?? null; node !== null; node = node.nextSibling) {
    if (node === root) place = after;
    else if (node.nodeType === INSTRUCTION && node.nodeName.toLowerCase() !== 'xml') {
      const written = instruction(node.nodeName, node.nodeValue ?? '');
      place.push(place === before ? `${written}\n` : `\n${written}`);
    }
  }
  return before.join('') + canonical(root, form, omitted) + after.join('');
}

function write(
  element: XmlElement,
  above: Namespaces,
  rendered: Namespaces,
  inherited: readonly Attribute[] | null,
  form: CanonicalForm,
  omitted: XmlElement | null,
  out: string[],
): void {
  const apex = inherited !== null;
  const scope = inScope(element, above);
  const attributes = [...attributesOf(element), ...(inherited ?? [])];
  const shown = new Map(rendered);
  const declarations: string[] = [];
  for (const prefix of prefixesToRender(element, attributes, scope, apex, form)) {
    const uri = scope.get(prefix) ?? '';
    if ((shown.get(prefix) ?? '') === uri) continue;
    shown.set(prefix, uri);
    declarations.push(` xmlns${prefix === '' ? '' : `:${prefix}`}="${attributeText(uri)}"`);
  }
  const written = attributes
    .toSorted(byNamespaceAndName)
    .map(({ name, value }) => ` ${name}="${attributeText(value)}"`);
  out.push(`<${element.nodeName}`, ...declarations, ...written, '>');
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === ELEMENT) {
      if (node !== omitted) write(node as XmlElement, scope, shown, null, form, omitted, out);
    } else if (node.nodeType === TEXT || node.nodeType === CDATA) out.push(text(node.nodeValue ?? ''));
    else if (node.nodeType === INSTRUCTION) out.push(instruction(node.nodeName, node.nodeValue ?? ''));
  }
  out.push(`</${element.nodeName}>`);
}

/** Sorted, the default namespace first. */
function prefixesToRender(
  element: XmlElement,
  attributes: readonly Attribute[],
  scope: Namespaces,
  apex: boolean,
  { exclusive, inclusivePrefixes = [] }: CanonicalForm,
): string[] {
  const candidates = exclusive
    ? [
        element.prefix ?? '',
        ...attributes.flatMap(({ prefix }) => prefix ?? []),
        ...inclusivePrefixes.filter(prefix => scope.has(prefix)),
      ]
    : // Below the apex whatever is in scope has been rendered, unless it is declared anew.
      apex
      ? ['', ...scope.keys()]
      : declared(element).map(({ prefix }) => prefix);
  return [...new Set(candidates)].filter(prefix => prefix !== 'xml').sort(byCodePoints);
}

interface Attribute {
  readonly name: string;
  readonly prefix: string | null;
  readonly localName: string;
  readonly namespace: string;
  readonly value: string;
}

/** All but namespace declarations. */
function attributesOf(element: XmlElement): Attribute[] {
  return [...element.attributes]
    .filter(({ namespaceURI }) => namespaceURI !== XMLNS)
    .map(({ nodeName, prefix, localName, namespaceURI, value }) => ({
      name: nodeName,
      prefix: prefix || null,
      localName: localName ?? nodeName,
      namespace: namespaceURI ?? '',
      value,
    }));
}

function inScope(element: XmlElement, above: Namespaces): Namespaces {
  const own = declared(element);
  if (own.length === 0) return above;
  const scope = new Map(above);
  for (const { prefix, uri } of own) scope.set(prefix, uri);
  if (scope.size > MAX_NAMESPACES) throw new RangeError('too many namespaces');
  return scope;
}

/** Namespaces that the element itself declares. */
function declared(element: XmlElement): { readonly prefix: string; readonly uri: string }[] {
  return [...element.attributes]
    .filter(({ namespaceURI }) => namespaceURI === XMLNS)
    .map(({ nodeName, localName, value }) => ({ prefix: nodeName === 'xmlns' ? '' : (localName ?? ''), uri: value }));
}

/** From the root down, without the element itself. */
function ancestors(apex: XmlElement): XmlElement[] {
  const found: XmlElement[] = [];
  for (let node = apex.parentNode; node !== null && node.nodeType === ELEMENT; node = node.parentNode) {
    found.unshift(node as XmlElement);
  }
  return found;
}

function inheritedXmlAttributes(above: readonly XmlElement[], apex: XmlElement): Attribute[] {
  const found = new Map<string, Attribute>();
  for (const element of above) {
    for (const attribute of attributesOf(element))
      if (attribute.namespace === XML) found.set(attribute.name, attribute);
  }
  for (const { name } of attributesOf(apex)) found.delete(name);
  return [...found.values()];
}

function byNamespaceAndName(a: Attribute, b: Attribute): number {
  return byCodePoints(a.namespace, b.namespace) || byCodePoints(a.localName, b.localName);
}

/** UTF-8 sorts as code points do. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function instruction(target: string, data: string): string {
  return `<?${target}${data === '' ? '' : ` ${data.replace(/\r/g, '&#xD;')}`}?>`;
}

const TEXT_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };
const ATTRIBUTE_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

function text(value: string): string {
  return value.replace(/[&<>\r]/g, found => TEXT_ESCAPES[found] ?? found);
}

function attributeText(value: string): string {
  return value.replace(/[&<"\t\n\r]/g, found => ATTRIBUTE_ESCAPES[found] ?? found);
}
