import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddressList, parseEnvelopeAddresses } from '../../src/mime/address.ts';

const pairs = (value: string) => parseAddressList(value).map(({ name, address }) => [name, address]);

describe('parseAddressList', () => {
  test.each<[string, string[][]]>([
    ['a@b.example', [['', 'a@b.example']]],
    ['Anna Bianchi <a@b.example>', [['Anna Bianchi', 'a@b.example']]],
    [
      '"Bianchi, Anna" <a@b.example>, c@d.example',
      [
        ['Bianchi, Anna', 'a@b.example'],
        ['', 'c@d.example'],
      ],
    ],
    [
      '"Per conto di: x@pec.example.it" <posta-certificata@gestore-uno.example>',
      [['Per conto di: x@pec.example.it', 'posta-certificata@gestore-uno.example']],
    ],
    ['=?utf-8?Q?Niccol=C3=B2?= <n@b.example>', [['Niccolò', 'n@b.example']]],
    ['"=?utf-8?Q?Niccol=C3=B2?=" <n@b.example>', [['Niccolò', 'n@b.example']]],
    ['Niccol\xc3\xb2 <n@b.example>', [['Niccolò', 'n@b.example']]],
    ['a@b.example (Anna)', [['Anna', 'a@b.example']]],
    [
      'Soci: a@b.example, "C" <c@d.example>; , e@f.example',
      [
        ['', 'a@b.example'],
        ['C', 'c@d.example'],
        ['', 'e@f.example'],
      ],
    ],
    ['undisclosed-recipients:;', []],
    ['', []],
    [' , ,', []],
    ['<@x.example,@y.example:a@b.example>', [['', 'a@b.example']]],
    ['"a b"@c.example', [['', 'a b@c.example']]],
    ['a . b @ c . example', [['', 'a.b@c.example']]],
    ['Anna a@b.example', [['Anna', 'a@b.example']]],
    ['a@b.example <c@d.example>', [['a@b.example', 'c@d.example']]],
    ['anna', [['', 'anna']]],
    ['Anna Bianchi', [['', 'Anna Bianchi']]],
    ['Anna <>', [['', 'Anna']]],
    ['Anna <a@b.example', [['Anna', 'a@b.example']]],
    [
      'a@b.example; c@d.example',
      [
        ['', 'a@b.example'],
        ['', 'c@d.example'],
      ],
    ],
    ['a@[192.0.2.1]', [['', 'a@[192.0.2.1]']]],
    ['(commento (annidato \\) )) a@b.example', [['', 'a@b.example']]],
    ['dotto@citt\xc3\xa0.example', [['', 'dotto@città.example']]],
  ])('%s', (value, expected) => {
    expect(pairs(value)).toEqual(expected);
  });
});

describe('parseEnvelopeAddresses', () => {
  test('groups open and close, also one without end', () => {
    const ends = parseEnvelopeAddresses('A: a@b.example; B: c@d.example').map(({ mailbox, host }) => [mailbox, host]);
    expect(ends).toEqual([
      ['A', null],
      ['a', 'b.example'],
      [null, null],
      ['B', null],
      ['c', 'd.example'],
      [null, null],
    ]);
  });

  test('always ends, never throws, groups balanced', () => {
    const pieces = fc.constantFrom(
      'a',
      '@',
      '<',
      '>',
      ',',
      ';',
      ':',
      '"',
      '\\',
      '(',
      ')',
      '[',
      ']',
      '.',
      ' ',
      '\t',
      '\0',
      '\xff',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), list => {
        let open = 0;
        for (const { mailbox, host } of parseEnvelopeAddresses(list.join(''))) {
          if (mailbox !== null && host === null) open++;
          if (mailbox === null) open--;
          expect(open === 0 || open === 1).toBe(true);
        }
        expect(open).toBe(0);
      }),
      { numRuns: 3000 },
    );
  });

  test.each(['(', '"', '<', 'a@', 'a:', '[', ',', '\\', '@[', '<@a,', '"\\"', '(a) ', 'a.', 'a b '])(
    'linear: %s over and over',
    piece => {
      expect(parseEnvelopeAddresses(piece.repeat(500_000)).length).toBeLessThanOrEqual(10_002);
    },
  );
});
