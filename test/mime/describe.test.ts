import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDate } from '../../src/mime/date.ts';
import { bodyOf, describeMessage, packTree, partFilename, scanMessage, unpackTree } from '../../src/mime/index.ts';
import { message, RECEIPT } from './corpus.ts';
import { ImapReader } from './imap-reader.ts';
import { ODD } from './odd-messages.ts';
import { SANE } from './sane-messages.ts';

const SAMPLES = [...SANE, ...ODD];

describe('describeMessage', () => {
  test('the decoded fields of a receipt', () => {
    expect(describeMessage(RECEIPT)).toMatchObject({
      subject: 'CONSEGNA: Contratto di locazione',
      from: [{ name: 'Per conto di: studio@pec.example.it', address: 'posta-certificata@gestore-uno.example' }],
      to: [
        { name: '', address: 'cliente@pec.example.it' },
        { name: 'Rossi, Anna', address: 'anna@pec.example.it' },
      ],
      cc: [],
      sentAt: Date.UTC(2026, 10, 3, 9, 15, 30),
      messageId: '<opec1.1@gestore-uno.example>',
      inReplyTo: null,
      references: [],
    });
  });

  test('message-IDs', () => {
    const raw = message(
      'Message-ID: (c) <1@x.example>\nIn-Reply-To: La tua di ieri <2@x.example>\nReferences: <3@x.example>\n\t<4@x.example>\n\n',
    );
    expect(describeMessage(raw)).toMatchObject({
      messageId: '<1@x.example>',
      inReplyTo: '<2@x.example>',
      references: ['<3@x.example>', '<4@x.example>'],
    });
    expect(describeMessage(message('Message-ID: senza-parentesi\n\n')).messageId).toBe('senza-parentesi');
  });

  test('whatever the message: 7-bit, one line, and three readable lists', () => {
    const octets = fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes).toString('latin1'));
    fc.assert(
      fc.property(
        fc.constantFrom(...SAMPLES),
        fc.array(fc.tuple(fc.nat(2000), octets), { maxLength: 6 }),
        (sample, splices) => {
          let text = sample.raw.toString('latin1');
          for (const [at, insert] of splices) {
            const position = at % (text.length + 1);
            text = text.slice(0, position) + insert + text.slice(position);
          }
          const { envelope, bodyStructure } = describeMessage(Buffer.from(text, 'latin1'));
          for (const rendered of [envelope, bodyOf(bodyStructure), bodyStructure]) {
            expect(rendered).toMatch(/^\([\x20-\x7e]*\)$/);
            const reader = new ImapReader(rendered);
            expect(Array.isArray(reader.value())).toBe(true);
            expect(reader.rest).toBe('');
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('an embedded message beyond the depth limit is shown as an opaque part', () => {
    const { bodyStructure } = describeMessage(Buffer.from('Content-Type: message/rfc822\r\n\r\n'.repeat(150)));
    expect(bodyStructure).toContain('("application" "octet-stream" NIL NIL NIL "7bit"');
    expect(bodyStructure.match(/"rfc822"/g)).toHaveLength(99);
  });
});

describe('parseDate', () => {
  test.each<[string, string | null]>([
    ['Tue, 03 Nov 2026 10:15:30 +0100', '2026-11-03T09:15:30.000Z'],
    ['3 Nov 2026 10:15 +0100', '2026-11-03T09:15:00.000Z'],
    ['Tue,3 Nov 2026 10:15:30 -0530 (IST)', '2026-11-03T15:45:30.000Z'],
    ['Tue, 3 Nov 2026 10:15:30 GMT', '2026-11-03T10:15:30.000Z'],
    ['Tue, 3 Nov 2026 10:15:30 EST', '2026-11-03T15:15:30.000Z'],
    ['Tue, 3 Nov 2026 10:15:30', '2026-11-03T10:15:30.000Z'],
    ['3 Nov 97 10:15:30 +0000', '1997-11-03T10:15:30.000Z'],
    ['3 Nov 126 10:15:30 +0000', '2026-11-03T10:15:30.000Z'],
    ['Tue, 3 November 2026 10:15:30 +0000', '2026-11-03T10:15:30.000Z'],
    ['3-Nov-2026 10:15:30 +0000', '2026-11-03T10:15:30.000Z'],
    ['Tue, 30 Feb 2026 10:15:30 +0000', null],
    ['Tue, 32 Nov 2026 10:15:30 +0000', null],
    ['Tue, 3 Nov 2026 25:15:30 +0000', null],
    ['ieri', null],
    ['', null],
  ])('%s', (value, expected) => {
    const instant = parseDate(value);
    expect(instant === null ? null : new Date(instant).toISOString()).toBe(expected);
  });
});

describe('partFilename', () => {
  test.each<[string, string | null]>([
    ['Content-Disposition: attachment; filename="a b.pdf"', 'a b.pdf'],
    ['Content-Type: application/pdf; name="c.pdf"', 'c.pdf'],
    ['Content-Type: application/pdf; name="c.pdf"\nContent-Disposition: attachment; filename=d.pdf', 'd.pdf'],
    ["Content-Disposition: attachment; filename*=utf-8''perch%C3%A9.pdf; filename=perche.pdf", 'perché.pdf'],
    ["Content-Disposition: attachment; filename*=iso-8859-1'it'perch%E9.pdf", 'perché.pdf'],
    ["Content-Disposition: attachment; filename*1*=ch%C3; filename*0*=utf-8''per; filename*2*=%A9.pdf", 'perché.pdf'],
    ['Content-Disposition: attachment; filename="=?utf-8?Q?perch=C3=A9=2Epdf?="', 'perché.pdf'],
    ['Content-Disposition: attachment; filename==?utf-8?Q?perch=C3=A9=2Epdf?=', 'perché.pdf'],
    ['Content-Disposition: attachment; filename="perch\xc3\xa9.pdf"', 'perché.pdf'],
    ['Content-Disposition: attachment; filename="perch\xe9.pdf"', 'perché.pdf'],
    ['Content-Disposition: attachment; filename=""', null],
    ['Content-Disposition: attachment', null],
  ])('%s', (fields, expected) => {
    expect(partFilename(scanMessage(message(`${fields}\n\n`)))).toBe(expected);
  });
});

describe('packTree and unpackTree', () => {
  test('every sample comes back', () => {
    for (const { raw } of SAMPLES) {
      const root = scanMessage(raw);
      expect(unpackTree(packTree(root))).toEqual(root);
    }
  });

  test('mutated messages come back', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SAMPLES), fc.uint8Array({ maxLength: 60 }), fc.nat(), ({ raw }, insert, at) => {
        const position = at % (raw.length + 1);
        const root = scanMessage(Buffer.concat([raw.subarray(0, position), insert, raw.subarray(position)]));
        expect(unpackTree(packTree(root))).toEqual(root);
      }),
    );
  });

  test('compact', () => {
    const root = scanMessage(RECEIPT);
    expect(packTree(root).length).toBeLessThan(JSON.stringify(root).length / 2);
  });

  test('anything else is refused', () => {
    expect(() => unpackTree('[99,[]]')).toThrow('unknown version');
    expect(() => unpackTree('not JSON')).toThrow();
  });
});
