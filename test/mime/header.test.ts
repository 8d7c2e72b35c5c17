import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHeader, toSevenBit } from '../../src/mime/encoded-word.ts';
import { filterHeader, headerFields } from '../../src/mime/header.ts';
import { quote } from '../../src/mime/imap-string.ts';
import { message } from './corpus.ts';
import { ImapReader } from './imap-reader.ts';

describe('headerFields', () => {
  test('names, unfolded values, offsets', () => {
    const raw = message('Subject: uno\n  due\n\ttre \nX-Vuoto:\nTo : a@b.example\n\nNo: corpo\n');
    const fields = headerFields(raw, 0, raw.length);
    expect(fields.map(({ name, value }) => [name, value])).toEqual([
      ['Subject', 'uno due tre'],
      ['X-Vuoto', ''],
      ['To', 'a@b.example'],
    ]);
    expect(fields.map(({ start, end }) => raw.toString('latin1', start, end))).toEqual([
      'Subject: uno\r\n  due\r\n\ttre \r\n',
      'X-Vuoto:\r\n',
      'To : a@b.example\r\n',
    ]);
  });

  test('lines that are no field are passed over', () => {
    const raw = message(' continua\nnessun campo\nUn campo: x\n: senza nome\nVero: sì\n\n');
    expect(headerFields(raw, 0, raw.length).map(({ name }) => name)).toEqual(['Vero']);
  });

  test('wanted names only, in any case', () => {
    const raw = message('From: a\nSUBJECT: b\nTo: c\n\n');
    expect(headerFields(raw, 0, raw.length, new Set(['subject'])).map(({ value }) => value)).toEqual(['b']);
  });

  test('LF only, and a header without end', () => {
    const raw = Buffer.from('A: 1\n 2\nB: 3');
    expect(headerFields(raw, 0, raw.length)).toEqual([
      { name: 'A', value: '1 2', start: 0, end: 8 },
      { name: 'B', value: '3', start: 8, end: 12 },
    ]);
  });
});

describe('filterHeader', () => {
  const header = message('A: 1\nb: 2\n  2\nC: 3\nrubbish\nA: 4\n\n');
  const filter = (fields: string[], not: boolean) => Buffer.from(filterHeader(header, fields, not)).toString('latin1');

  test('fields keep their order and bytes, the blank line stays', () => {
    expect(filter(['B', 'a'], false)).toBe('A: 1\r\nb: 2\r\n  2\r\nA: 4\r\n\r\n');
    expect(filter(['x'], false)).toBe('\r\n');
    expect(filter(['B', 'a'], true)).toBe('C: 3\r\nrubbish\r\n\r\n');
  });

  test('what one takes the other leaves', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^([ABab:\n\r \t]|\r\n)*$/), fc.subarray(['A', 'AB', 'b']), (text, fields) => {
        const raw = Buffer.from(text);
        const taken = filterHeader(raw, fields, false).length + filterHeader(raw, fields, true).length;
        const blankLine = /^(?:\r?\n)|\n(?:\r?\n)/.exec(text);
        const headerLength = blankLine ? blankLine.index + blankLine[0].length : raw.length;
        // The blank line, and what follows it, is in both.
        const both = blankLine ? raw.length - headerLength + (blankLine[0].endsWith('\r\n') ? 2 : 1) : 0;
        expect(taken).toBe(raw.length + both);
      }),
    );
  });
});

describe('decodeHeader', () => {
  test.each([
    ['plain', 'plain'],
    ['=?utf-8?Q?perch=C3=A9_no=3F?=', 'perché no?'],
    ['=?ISO-8859-1?q?perch=E9?=', 'perché'],
    ['=?windows-1252?Q?=80_500?=', '€ 500'],
    ['=?utf-8?B?cGVyY2jDqQ==?=', 'perché'],
    ['=?utf-8?b?cGVyY2jDqQ?=', 'perché'],
    ['=?utf-8*it?Q?ciao?=', 'ciao'],
    ['Re: =?utf-8?Q?=C3=A8?= qui', 'Re: è qui'],
    ['=?utf-8?Q?a?= =?utf-8?Q?b?=', 'ab'],
    ['=?utf-8?Q?a?=\t\r\n =?iso-8859-1?Q?=E9?=', 'aé'],
    ['=?utf-8?Q?a?= b =?utf-8?Q?c?=', 'a b c'],
    // A character cut in two by the sender.
    ['=?utf-8?Q?perch=C3?= =?utf-8?Q?=A9?=', 'perché'],
    ['=?utf-8?B?w?= =?utf-8?Q?x?=', 'x'],
    ['=?x-unknown?Q?=E9?=', 'é'],
    ['=?utf-8?Q?with blanks?=', 'with blanks'],
    ['=?utf-8?X?abc?=', '=?utf-8?X?abc?='],
    ['=?utf-8?Q?unterminated', '=?utf-8?Q?unterminated'],
    ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=', '日本'],
    ['=?utf-7?Q?perch+AOk-?=', 'perché'],
    ['perch\xc3\xa9', 'perché'],
    ['perch\xe9', 'perché'],
    ['=?utf-8?Q?=E9?=', '\ufffd'],
  ])('%s', (value, expected) => {
    expect(decodeHeader(value)).toBe(expected);
  });

  test('never throws', () => {
    const pieces = fc.constantFrom(
      '=?',
      '?=',
      '?',
      'utf-8',
      'Q',
      'B',
      '=C3',
      '=',
      ' ',
      'abc',
      '\xe9',
      '_',
      '\r\n ',
      '==',
    );
    fc.assert(fc.property(fc.array(pieces), list => typeof decodeHeader(list.join('')) === 'string'));
  });

  test('the octet A0 is no blank', () => {
    const raw = message('Subject: citt\xc3\xa0\nX: perch\xc3\xa0\xa0\n\n');
    expect(headerFields(raw, 0, raw.length).map(({ value }) => decodeHeader(value))).toEqual([
      'città',
      'perchÃ\xa0\xa0',
    ]);
  });

  test('linear on what looks like encoded words', () => {
    const value = '=?utf-8?Q?'.repeat(200_000);
    expect(decodeHeader(value)).toBe(value);
  });
});

describe('quote', () => {
  test('7-bit, one line, readable again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        const value = Buffer.from(bytes).toString('latin1');
        const quoted = quote(value);
        expect(quoted).toMatch(/^"[\x20-\x7e]*"$/);
        expect(new ImapReader(quoted).rest).toBe(quoted);
        expect(typeof new ImapReader(quoted).value()).toBe('string');
      }),
    );
  });

  test('linear: a long word before the first octet above 127', () => {
    expect(toSevenBit(`${'a'.repeat(1_000_000)} \xe8`)).toBe(`${'a'.repeat(1_000_000)} =?UTF-8?B?w6g=?=`);
  });

  test('raw UTF-8 comes back through encoded words', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('perché', 'no', 'città di Forlì', '€', '日本', '"q"', '\\'), { minLength: 1 }),
        words => {
          const text = words.join(' ');
          const raw = Buffer.from(text).toString('latin1');
          const shown = new ImapReader(quote(raw)).value();
          expect(decodeHeader(String(shown))).toBe(text);
          for (const word of String(shown).match(/=\?\S+\?=/g) ?? []) expect(word.length).toBeLessThanOrEqual(75);
        },
      ),
    );
  });
});
