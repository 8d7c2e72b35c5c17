import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCharset } from '../../src/mime/charset.ts';
import { scanMessage } from '../../src/mime/scanner.ts';
import { decodeBase64, decodeBody, decodeQuotedPrintable, decodeText } from '../../src/mime/transfer.ts';
import { message } from './corpus.ts';

const qp = (text: string) => decodeQuotedPrintable(Buffer.from(text, 'latin1')).toString('latin1');
const base64 = (text: string) => decodeBase64(Buffer.from(text, 'latin1')).toString('latin1');

test.each([
  ['a=E8b', 'a\xe8b'],
  ['a=e8b', 'a\xe8b'],
  ['soft=\r\nbreak', 'softbreak'],
  ['soft= \t\r\nbreak', 'softbreak'],
  ['soft=\nbreak', 'softbreak'],
  ['end=', 'end'],
  ['a=XY=', 'a=XY'],
  ['blanks at the end  \t\r\nof a line', 'blanks at the end\r\nof a line'],
  ['kept =20\r\n', 'kept  \r\n'],
  ['=3D=', '='],
])('quoted-printable %j', (encoded, decoded) => {
  expect(qp(encoded)).toBe(decoded);
});

test.each([
  ['Y2lhbw==', 'ciao'],
  ['Y2lhbw', 'ciao'],
  ['Y2 l\r\nh*b\tw==', 'ciao'],
  ['Y2lhbw==Y2lhbw==', 'ciaociao'],
  ['Y2lhbw==\r\nY2lhbw==\r\n', 'ciaociao'],
  ['', ''],
  ['====', ''],
])('base64 %j', (encoded, decoded) => {
  expect(base64(encoded)).toBe(decoded);
});

test('base64 of any bytes in lines of any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 100 }), (bytes, width) => {
      const lines = Buffer.from(bytes)
        .toString('base64')
        .replace(new RegExp(`.{1,${width}}`, 'g'), '$&\r\n');
      expect(decodeBase64(Buffer.from(lines))).toEqual(Buffer.from(bytes));
    }),
  );
});

test('quoted-printable of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const encoded = [...bytes].map(octet => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('=\r\n');
      expect(decodeQuotedPrintable(Buffer.from(encoded))).toEqual(Buffer.from(bytes));
    }),
  );
});

describe('decodeBody and decodeText', () => {
  const text = (raw: Buffer) => decodeText(raw, scanMessage(raw));

  test('by encoding and charset', () => {
    expect(
      text(
        message(
          'Content-Type: text/plain; charset=iso-8859-15\nContent-Transfer-Encoding: Quoted-Printable\n\n=A4 5=\n00',
        ),
      ),
    ).toBe('€ 500');
    expect(
      text(message('Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\ncGVyY2jDqQ==')),
    ).toBe('perché');
    expect(text(message('Content-Type: text/plain; charset=cp850\nContent-Transfer-Encoding: 8bit\n\n\x8a'))).toBe('è');
    expect(text(message('\nsenza charset \xe8'))).toBe('senza charset è');
    expect(text(message('Content-Type: text/plain; charset=inesistente\n\n\xc3\xa8'))).toBe('è');
  });

  test('an unknown transfer encoding is left as it is', () => {
    const raw = message('Content-Transfer-Encoding: x-strano\n\nabc');
    expect(Buffer.from(decodeBody(raw, scanMessage(raw))).toString()).toBe('abc');
  });
});

describe('decodeCharset', () => {
  test('tells what it could not read', () => {
    expect(decodeCharset(Buffer.from('è'), 'utf-8')).toEqual({ text: 'è' });
    expect(decodeCharset(Buffer.from([0xe8]), 'UTF8')).toEqual({ text: '\ufffd', problem: 'invalid utf-8' });
    expect(decodeCharset(Buffer.from([0xe8]), 'x-mai-visto')).toEqual({
      text: 'è',
      problem: 'unknown charset x-mai-visto',
    });
    expect(decodeCharset(Buffer.from([0xe8]), 'us-ascii')).toEqual({ text: 'è' });
  });

  test('never throws, whatever the label', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 30 }),
        fc.string(),
        (bytes, label) => typeof decodeCharset(bytes, label).text === 'string',
      ),
    );
    for (const label of [
      'utf-16',
      'utf-32',
      'hz-gb-2312',
      'replacement',
      'iso-2022-kr',
      'base64',
      'hex',
      'binary',
      'ucs2',
    ]) {
      expect(typeof decodeCharset(Buffer.from([1, 2, 3]), label).text).toBe('string');
    }
  });
});
