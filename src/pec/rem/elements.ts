import { type XmlElement, XmlError } from '../xml.ts';

/** Elements of one document that are looked at. */
const MAX_ELEMENTS = 20_000;
const ELEMENT_NODE = 1;

export function childrenOf(element: XmlElement): XmlElement[] {
  const found: XmlElement[] = [];
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === ELEMENT_NODE) found.push(node as XmlElement);
  }
  return found;
}

/**
 * An element and all in it, in document order. Throws an XmlError when there are too many.
 * @param without left out with all they hold
 */
export function elementsOf(root: XmlElement, without: readonly XmlElement[] = []): XmlElement[] {
  const found: XmlElement[] = [];
  const stack = [root];
  for (let element = stack.pop(); element !== undefined; element = stack.pop()) {
    if (without.includes(element)) continue;
    if (found.push(element) > MAX_ELEMENTS) throw new XmlError('too many elements');
    stack.push(...childrenOf(element).reverse());
  }
  return found;
}

export function textOf(element: XmlElement): string {
  return element.textContent ?? '';
}
