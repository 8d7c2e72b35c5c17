import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeMessage, extractSearchText } from '../../src/mime/index.ts';
import { LIMITS } from '../../src/mime/limits.ts';
import { htmlToText, xmlToText } from '../../src/mime/markup.ts';
import type { SearchText } from '../../src/mime/types.ts';
import { message, RECEIPT } from './corpus.ts';
import { ODD } from './odd-messages.ts';
import { SANE } from './sane-messages.ts';

function textOf(raw: Buffer): SearchText {
  return extractSearchText(raw, describeMessage(raw));
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/.{1,76}/g, '$&\n');
}

describe('a receipt', () => {
  const text = textOf(RECEIPT);

  test('every layer is found', () => {
    for (const needle of [
      'Il messaggio è stato consegnato nella casella di destinazione.',
      'Ricevuta di avvenuta consegna è qui',
      'opec-identificativo-77',
      'avvenuta-consegna',
      'Contratto di locazione € 500',
      'studio@pec.example.it',
      '<orig-1@pec.example.it>',
      'la perizia giurata, perché richiesta',
      'perizia giuratà.pdf',
      'postacert.eml',
      'smime.p7s',
    ]) {
      expect(text.body).toContain(needle);
    }
  });

  test('markup and the unseen are not', () => {
    for (const needle of ['<b>', '&egrave;', 'nascosto', '<identificativo>', '=E8'])
      expect(text.body).not.toContain(needle);
  });

  test('the header, decoded', () => {
    expect(text.subject).toBe('CONSEGNA: Contratto di locazione');
    expect(text.to).toBe('cliente@pec.example.it, "Rossi, Anna" <anna@pec.example.it>');
    expect(text.header).toContain('X-Ricevuta: avvenuta-consegna\n');
    expect(text.header).toContain('\nDate: Tue, 03 Nov 2026 10:15:30 +0100\n');
  });

  test('only the PDF could not be read', () => {
    expect(text.unreadable).toEqual([{ section: '1.3.2', reason: 'no text is read from application/pdf' }]);
  });
});

describe('messages inside messages', () => {
  const inner = message('From: a@b.example\nSubject: =?utf-8?Q?perch=C3=A9?=\n\nil testo interno\n');

  test.each([
    [
      'message/rfc822 in base64, against the RFC',
      `Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${base64(inner)}`,
    ],
    [
      'a base64 .eml as octet-stream',
      `Content-Type: application/octet-stream; name=POSTACERT.EML\nContent-Transfer-Encoding: base64\n\n${base64(inner)}`,
    ],
    ['message/global', `Content-Type: message/global\n\n${inner.toString('latin1').replaceAll('\r\n', '\n')}`],
  ])('%s', (_name, text) => {
    const { body } = textOf(message(text));
    expect(body).toContain('Subject: perché');
    expect(body).toContain('il testo interno');
  });

  test('an .eml that is none is reported', () => {
    const raw = message(
      `Content-Type: application/octet-stream; name=x.eml\nContent-Transfer-Encoding: base64\n\n${base64(Buffer.from('niente'))}`,
    );
    expect(textOf(raw).unreadable).toEqual([{ section: '1', reason: 'not a message' }]);
  });

  test('encoded messages in encoded messages: down to the limit, then reported', () => {
    let raw = message('Subject: fondo\n\nil fondo\n');
    for (let i = 0; i < LIMITS.decodedMessages + 1; i++) {
      raw = message(
        `Subject: livello ${i}\nContent-Type: application/octet-stream; name=x.eml\nContent-Transfer-Encoding: base64\n\n${base64(raw)}`,
      );
    }
    const text = textOf(raw);
    expect(text.body).toContain('Subject: livello 0');
    expect(text.body).not.toContain('il fondo');
    expect(text.unreadable.at(-1)?.reason).toBe('nested too deeply');
  });
});

describe('what is reported', () => {
  const reasons = (text: string) => textOf(message(text)).unreadable.map(({ reason }) => reason);

  test.each([
    ['Content-Type: text/plain; charset=x-mai-visto\n\n\xe8\n', ['unknown charset x-mai-visto']],
    ['Content-Type: text/plain; charset=utf-8\n\n\xe8\n', ['invalid utf-8']],
    [
      'Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nabc\n',
      ['unknown transfer encoding x-uuencode'],
    ],
    ['Content-Type: application/zip\n\nabc\n', ['no text is read from application/zip']],
    ['Content-Type: image/png\n\nabc\n', []],
    ['Content-Type: text/plain; charset=utf-8\n\n\xc3\xa8\n', []],
  ])('%j', (text, expected) => {
    expect(reasons(text)).toEqual(expected);
  });

  test('text beyond the limit is cut and said to be', () => {
    const line = 'x'.repeat(1000);
    const part = `--b\n\n${`${line}\n`.repeat(3000)}`;
    const text = textOf(message(`Content-Type: multipart/mixed; boundary=b\n\n${part}${part}${part}--b--\n`));
    expect(text.body.length).toBeLessThanOrEqual(LIMITS.searchText + 10);
    expect(text.body.length).toBeGreaterThan(LIMITS.searchText - 1000);
    expect(text.unreadable).toEqual([
      { section: '2', reason: `text beyond ${LIMITS.searchText} characters is not searched` },
    ]);
  });
});

describe('HTML and XML', () => {
  test.each([
    ['<p>uno<p>due', 'uno\ndue'],
    ['un<b>o</b> <i>due</i>', 'uno due'],
    ['uno<br>due<td>tre</td>', 'uno\ndue\ntre'],
    ['<style>x</style><script>y</script><!-- z -->vero', 'vero'],
    ['<img alt="il logo" src=x>', 'il logo'],
    ['perch&eacute; &euro;&nbsp;5 &lt;tag&gt;', 'perché € 5 <tag>'],
    ['a  \n\t b', 'a b'],
    ['<b>mai chiuso', 'mai chiuso'],
    ['<', '<'],
    ['', ''],
  ])('%j', (html, expected) => {
    expect(htmlToText(html)).toBe(expected);
  });

  test('entities of a DTD are not expanded', () => {
    const xml = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a b="attributo">testo &x; &amp;</a>';
    expect(xmlToText(xml)).toMatch(/attributo\ntesto &x; &$/);
  });

  test('base64 in signatures and invoices is left out, and files are told', () => {
    const file = Buffer.from('un allegato qualunque della fattura').toString('base64');
    const xml = `<p:Fattura><Causale>vendita</Causale><Attachment>${file}</Attachment><Attachment>breve testo</Attachment>
      <ds:X509Certificate>TUlJ</ds:X509Certificate><Nota>in fondo</Nota></p:Fattura>`;
    expect(xmlToText(xml)).toBe('vendita\nbreve testo\nin fondo');
    const { body, unreadable } = textOf(message(`Content-Type: text/xml; charset=utf-8\n\n${xml}\n`));
    expect(body).toContain('in fondo');
    expect(unreadable).toEqual([{ section: '1', reason: 'no text is read from files inside XML' }]);
  });

  test.each([
    ['%PDF-1.7', true],
    ['PK\x03\x04', true],
    ['MIAGCSqGSIb3DQEHAqCAMIACAQExDzANBglg', true],
    ['t\0e\0s\0t\0o\0', true],
    ['MIA cara Anna', false],
    ['testo', false],
  ])('what claims to be text, %j: told %s', (text, told) => {
    const { unreadable } = textOf(message(`Content-Type: text/plain\n\n${text}\n`));
    const reason = 'no text is read from what is no text/plain';
    expect(unreadable).toEqual(told ? [{ section: '1', reason }] : []);
  });

  test('the charsets that documents name for themselves', () => {
    const html = message(
      'Content-Type: text/html\n\n<html><head><meta charset="iso-8859-15"></head><body>\xa4 5</body></html>\n',
    );
    expect(textOf(html).body).toBe('€ 5');
    const xml = message('Content-Type: application/xml\n\n<?xml version="1.0" encoding="ISO-8859-15"?><a>\xa4 5</a>\n');
    expect(textOf(xml).body).toBe('€ 5');
  });

  test('linear: a million open elements', () => {
    expect(htmlToText('<div>'.repeat(1_000_000))).toBe('');
    expect(xmlToText('<a b="'.repeat(500_000)).length).toBeGreaterThanOrEqual(0);
  });
});

test('never throws', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SANE, ...ODD), fc.uint8Array({ maxLength: 40 }), fc.nat(), ({ raw }, insert, at) => {
      const position = at % (raw.length + 1);
      const text = textOf(Buffer.concat([raw.subarray(0, position), insert, raw.subarray(position)]));
      expect(text.body.length).toBeLessThanOrEqual(LIMITS.searchText);
    }),
    { numRuns: 500 },
  );
});
