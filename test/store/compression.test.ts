import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSmall, pack, unpack, unpackTogether } from '../../src/store/segment/format.ts';
import { expandListings, listingAt, packListing } from '../../src/store/structure/listing.ts';

const RECEIPT = Buffer.from(
  'X-Ricevuta: accettazione\r\nSubject: ACCETTAZIONE: prova\r\nFrom: posta-certificata@pec.example.it\r\nTo: mario.rossi@pec.example.it\r\nContent-Type: application/xml; name="daticert.xml"\r\n\r\n<postacert tipo="accettazione" errore="nessuno">\r\n',
);

describe('pieces', () => {
  test('what was packed with the dictionary of PEC messages can be read for ever', () => {
    const stored = Buffer.from('KLUv/SDo5QAAIGENDQoGgLAPlp2jlJ9P7hsOhgxcFePUCmKfGg==', 'base64');
    expect(Buffer.from(unpack({ scheme: 2, length: RECEIPT.length }, stored) ?? [])).toEqual(RECEIPT);
  });

  test.each([
    ['nothing', Buffer.alloc(0), 0],
    ['little', Buffer.from('poco'), 0],
    ['a skeleton', RECEIPT, 2],
    ['octets that nothing makes smaller', randomBytes(4_000), 0],
    ['a long text', Buffer.from('testo lungo\r\n'.repeat(20_000)), 1],
    ['a large file that nothing makes smaller', randomBytes(200_000), 0],
    ['a large file of which the beginning alone does', Buffer.concat([Buffer.alloc(2_000), randomBytes(98_000)]), 0],
    ['a large file of which a part does', Buffer.concat([randomBytes(50_000), Buffer.alloc(50_000)]), 1],
  ])('%s', (_, content, scheme) => {
    const packed = pack(content);
    expect(packed.scheme).toBe(scheme);
    expect(Buffer.from(unpack(packed, packed.stored) ?? [1])).toEqual(content);
  });

  test('small ones of either kind are unpacked together; damaged ones are not', () => {
    const packed = [pack(RECEIPT), pack(Buffer.from('altro testo '.repeat(30))), pack(RECEIPT)];
    const stored = packed.map(one => one.stored);
    expect(packed.every(isSmall)).toBe(true);
    expect(unpackTogether(packed, stored)?.map(String)).toEqual([
      String(RECEIPT),
      'altro testo '.repeat(30),
      String(RECEIPT),
    ]);
    expect(unpackTogether(packed, [...stored.slice(1), Buffer.from('no')])).toBeNull();
  });
});

describe('listings', () => {
  const listing = (id: number) => ({
    envelope: `("Mon, 01 Jun 2026 10:00:00 +0200" "prova ${id}" NIL)`,
    bodyStructure: `("text" "plain" ("charset" "utf-8") NIL NIL "8bit" ${id} 1 NIL NIL NIL NIL)`,
    preview: id % 2 === 0 ? '' : `perché no? ${id}`,
  });

  test('of many, what is wanted', () => {
    const listings = Array.from({ length: 50 }, (_, id) => listing(id));
    const expanded = expandListings(Buffer.concat(listings.map(packListing)), 50);
    const all = ['envelope', 'bodyStructure', 'preview'] as const;
    expect(listings.map((_, index) => listingAt(expanded, index, all))).toEqual(listings);
    expect(listingAt(expanded, 3, ['preview'])).toEqual({ preview: 'perché no? 3' });
    expect(expandListings(new Uint8Array(), 0).ends).toHaveLength(0);
  });

  test('a damaged one is told', () => {
    const packed = Buffer.concat([packListing(listing(1)), packListing(listing(2)).subarray(0, 10)]);
    expect(() => expandListings(packed, 2)).toThrow();
    expect(() => expandListings(packListing(listing(1)), 2)).toThrow('too few lines');
  });
});
