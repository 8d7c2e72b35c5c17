import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { element, escapeText, tag } from '../../src/conservation/markup.ts';

/** XML 1.0, production Char, checked one code point at a time. */
function legal(text: string): string {
  return [...text]
    .filter(character => {
      const code = character.codePointAt(0) ?? 0;
      if (code < 0x20) return code === 9 || code === 10 || code === 13;
      return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
    })
    .join('');
}

const anything = fc.string({ unit: 'binary', maxLength: 40 });

test('any text comes back from a parser, but for what XML cannot carry', () => {
  fc.assert(
    fc.property(anything, anything, (text, value) => {
      const { xml } = element('e', { a: value }, text, tag('f', text));
      const root = new DOMParser().parseFromString(xml, 'text/xml').documentElement;
      expect(root?.getAttribute('a')).toBe(legal(value));
      expect(root?.textContent).toBe(legal(text) + legal(text));
    }),
  );
});

test('null children and attributes are left out', () => {
  expect(element('e', { a: null, b: 1 }, null, ['x', null]).xml).toBe('<e b="1">x</e>');
  expect(tag('e').xml).toBe('<e/>');
  expect(escapeText('a\u0000<\uD800>&\r')).toBe('a&lt;&gt;&amp;&#13;');
});
