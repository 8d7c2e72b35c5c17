import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { children, DerError, encode, octetString, oidOf, readElement, TAG, timeOf, toDer } from '../../src/pki/der.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const element = (text: string) => readElement(hex(text));

describe('readElement', () => {
  it('reads short, long and indefinite lengths', () => {
    expect(element('04 02 aabb')).toMatchObject({ tag: 4, contentStart: 2, contentEnd: 4, end: 4 });
    expect(element('04 81 02 aabb')).toMatchObject({ contentStart: 3, end: 5 });
    expect(element('24 80 0401aa 0402bbcc 0000')).toMatchObject({ contentEnd: 9, end: 11, indefinite: true });
    expect(element('30 80 30 80 0000 0000').end).toBe(8);
  });

  it.each([
    '',
    '04',
    '04 05 aa',
    '04 84 7fffffff',
    '04 87 01010101010101',
    '04 80 0000',
    '30 80 04',
    '1f 81 01 00',
    '30 02 04 05',
  ])('throws on %s', bytes => {
    expect(() => children(element(bytes))).toThrow(DerError);
  });

  it('throws on nesting without end', () => {
    expect(() => element('3080'.repeat(10_000))).toThrow(DerError);
    expect(() => toDer(readElement(Buffer.concat(Array.from({ length: 100 }, () => hex('3080')))))).toThrow(DerError);
  });

  it('throws nothing but DerError on any octets', () => {
    const visit = (bytes: Uint8Array): void => {
      try {
        const found = readElement(bytes);
        toDer(found);
        octetString(found);
      } catch (error) {
        expect(error).toBeInstanceOf(DerError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), visit));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0x24, 0x30, 0x80, 0x00, 0x04, 0x01, 0x81)), list =>
        visit(Uint8Array.from(list)),
      ),
    );
  });
});

describe('values', () => {
  it('joins an OCTET STRING in pieces', () => {
    expect(Buffer.from(octetString(element('24 80 0401aa 2480 0401bb 0000 0401cc 0000'))).toString('hex')).toBe(
      'aabbcc',
    );
  });

  it('reads object identifiers', () => {
    expect(oidOf(element('06 09 2a864886f70d010702'))).toBe('1.2.840.113549.1.7.2');
    expect(oidOf(element('06 03 883703'))).toBe('2.999.3');
  });

  const time = (tag: number, text: string) => timeOf(readElement(encode(tag, [Buffer.from(text)])));

  it('reads times of both kinds, with or without seconds and zone', () => {
    expect(time(TAG.utcTime, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
    expect(time(TAG.utcTime, '500101000000Z')).toBe(Date.UTC(1950, 0, 1));
    expect(time(TAG.utcTime, '2601011200+0100')).toBe(Date.UTC(2026, 0, 1, 11));
    expect(time(TAG.generalizedTime, '20260101120000.5Z')).toBe(Date.UTC(2026, 0, 1, 12));
    for (const [tag, text] of [
      [TAG.utcTime, '20260101120000Z'],
      [TAG.generalizedTime, '260101120000Z'],
      [TAG.utcTime, 'domani'],
      [TAG.integer, '260101120000Z'],
    ] as const) {
      expect(() => time(tag, text)).toThrow(DerError);
    }
  });
});

describe('toDer', () => {
  it('makes lengths definite and short, and sorts a SET', () => {
    const ber = element('31 80 30 80 0202 00ff 0000 04 81 01 aa 0201 05 0000');
    expect(Buffer.from(toDer(ber)).toString('hex')).toBe('310c0201050401aa3004020200ff');
  });

  it('leaves DER as it is', () => {
    const der = encode(0x30, [encode(0x04, [new Uint8Array(300)]), encode(0x02, [hex('05')])]);
    expect(Buffer.from(toDer(readElement(der))).equals(der)).toBe(true);
  });
});
