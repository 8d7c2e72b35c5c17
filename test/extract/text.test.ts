import { describe, expect, test } from 'vitest';
import { Budget } from '../../src/extract/budget.ts';
import { extractDocument } from '../../src/extract/index.ts';
import { LIMITS } from '../../src/extract/limits.ts';
import { rtfToText } from '../../src/extract/rtf.ts';
import { makePdf } from './support/pdf.ts';

async function text(bytes: Uint8Array | string, name: string, type = ''): Promise<string> {
  return (await extractDocument(Buffer.from(bytes as string), { name, type }, undefined)).text;
}

describe('plain text', () => {
  const words = 'È così, perché no?';
  test.each([
    ['UTF-8', Buffer.from(words)],
    ['UTF-8 with mark', Buffer.from(`\ufeff${words}`)],
    ['windows-1252', Buffer.from(words, 'latin1')],
    ['UTF-16LE with mark', Buffer.from(`\ufeff${words}`, 'utf16le')],
    ['UTF-16LE without', Buffer.from(words, 'utf16le')],
    ['UTF-16BE with mark', Buffer.from(`\ufeff${words}`, 'utf16le').swap16()],
    ['UTF-16BE without', Buffer.from(words, 'utf16le').swap16()],
    [
      'UTF-32LE',
      Buffer.concat([...`\ufeff${words}`].map(c => Buffer.from(Uint32Array.of(c.codePointAt(0) ?? 0).buffer))),
    ],
  ])('%s', async (_name, bytes) => {
    expect(await text(bytes, 'nota.txt')).toBe(words);
    expect(await text(bytes, 'senza nome')).toBe(words);
  });

  test('the beginning of a long one', async () => {
    const budget = new Budget({ ...LIMITS, markup: 100 });
    const result = await extractDocument(Buffer.from('parola '.repeat(100)), { name: 'a.txt', type: '' }, budget);
    expect(result.text.length).toBeLessThanOrEqual(100);
    expect(result.unreadable).toEqual([{ path: 'a.txt', reason: 'only 100 of 700 octets are searched' }]);
  });
});

describe('RTF', () => {
  test.each([
    ['escapes of the code page', String.raw`{\rtf1\ansi\ansicpg1252 perch\'e9 \'80 5}`, 'perché € 5'],
    ['Unicode with its substitute', String.raw`{\rtf1\ansi\uc1 \u8364?5 \u8217\'92ora}`, '€5 ’ora'],
    ['surrogates, and substitutes of another length', String.raw`{\rtf1\uc2\u-10179??\u-8704??!}`, '😀!'],
    ['no substitute', String.raw`{\rtf1{\uc0\u233}t\u233 e}`, 'ét\u00e9'],
    ['paragraphs, tabs, cells', 'uno\\par due\\tab tre\\cell quattro\\row{}', 'uno\ndue tre\nquattro'],
    [
      'what nobody sees',
      String.raw`{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;}{\*\generator X;}{\pict 89504e}{\info{\title Il titolo}}visto}`,
      'Il titolovisto',
    ],
    ['fields show their result', String.raw`{\field{\*\fldinst HYPERLINK "x"}{\fldrslt qui}}`, 'qui'],
    [
      'fonts with a character set of their own',
      String.raw`{\rtf1\ansi{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}\f1 \'cc\'e8\'f0\f0  \'e9}`,
      'Мир é',
    ],
    [
      'two octets a character',
      String.raw`{\rtf1{\fonttbl{\f0\fcharset128 M;}}\f0 \'93\'fa\'96{}\'7b}`,
      '日本'.slice(0, 1),
    ],
    ['footnotes', String.raw`{\rtf1 testo{\footnote nota} segue}`, 'testo\nnota segue'],
    ['octets of binary data', '{\\rtf1 a{\\pict\\bin4 }{}\\}b}', 'ab'],
    ['escaped braces', String.raw`\{a\}\\b\~c\_d\-e`, '{a}\\b c-de'],
  ])('%s', (_name, rtf, expected) => {
    if (expected.length === 1) expect(rtfToText(rtf)).toContain(expected);
    else expect(rtfToText(rtf)).toBe(expected);
  });

  test('under a wrong name', async () => {
    expect(await text(String.raw`{\rtf1 ecco}`, 'atto.doc')).toBe('ecco');
  });

  test('a million groups', () => {
    expect(rtfToText(`{\\rtf1 ${'{a'.repeat(1_000_000)}${'}'.repeat(1_000_000)}b}`)).toHaveLength(1_000_001);
  });
});

describe('HTML and XML', () => {
  test('what is seen of HTML, in its own charset', async () => {
    const html = Buffer.from('<html><meta charset="windows-1252"><style>x</style><p>perch\xe9<p>no', 'latin1');
    expect(await text(html, 'pagina')).toBe('perché\nno');
  });

  test('elements and attributes of XML; entities of a DTD stay what they are', async () => {
    const xml = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><x:a xmlns:x="urn:non" n="v&amp;w"><c>&b;</c><![CDATA[<d>]]></x:a>`;
    const found = await text(xml, 'a.xml');
    expect(found).toContain('v&w\n&b;\n<d>');
    expect(found).not.toContain('root:');
    expect(found).not.toContain('urn:non');
  });

  test('a FatturaPA and the PDF in it; no octets of signatures', async () => {
    const pdf = makePdf({ pages: ['copia di cortesia'] })
      .toString('base64')
      .replace(/.{76}/g, '$&\n');
    const xml = `<?xml version="1.0" encoding="ISO-8859-1"?><p:FatturaElettronica><Denominazione>Societ\xe0 Esempio</Denominazione>
      <Allegati><NomeAttachment>fattura.pdf</NomeAttachment><Attachment>${pdf}</Attachment></Allegati>
      <ds:SignatureValue>QUJD</ds:SignatureValue></p:FatturaElettronica>`;
    const found = await text(Buffer.from(xml, 'latin1'), 'IT01234567890_00001.xml');
    expect(found).toBe('Società Esempio\nfattura.pdf\ncopia di cortesia');
  });

  test('a million entities, a million levels', async () => {
    const declared = Array.from({ length: 20 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('');
    const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "boom">${declared}]><a>&e20;</a>`;
    expect((await text(bomb, 'a.xml')).length).toBeLessThan(2 * bomb.length);
    expect(await text(`<?xml version="1.0"?>${'<a>'.repeat(1_000_000)}fondo`, 'a.xml')).toBe('fondo');
    expect(await text(`<?xml version="1.0"?><a b="${'&amp;'.repeat(1_000_000)}"/>`, 'a.xml')).toHaveLength(1_000_000);
  });
});

test('what holds no text is passed over in silence; what may hold some is told', async () => {
  const read = async (bytes: Buffer, name: string) =>
    (await extractDocument(bytes, { name, type: 'application/octet-stream' }, undefined)).unreadable;
  expect(await read(Buffer.from('89504e470d0a1a0a00', 'hex'), 'x')).toEqual([]);
  expect(await read(Buffer.from([0xff, 0xd8, 0xff, 0, 1]), 'x.bin')).toEqual([]);
  expect(await read(Buffer.from([1, 2, 0, 3]), 'a.tsr')).toEqual([]);
  expect(await read(Buffer.from('Rar!\x1a\x07\0'), 'a.rar')).toEqual([
    { path: 'a.rar', reason: 'no text is read from .rar' },
  ]);
  expect(await read(Buffer.alloc(0), 'vuoto.pdf')).toEqual([]);
});
