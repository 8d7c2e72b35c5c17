import { describe, expect, test } from 'vitest';
import { extractDocument } from '../../src/extract/index.ts';
import { makeDocx, makeOdf, makePptx, makeXlsx, makeZip } from './support/zip.ts';

async function read(bytes: Uint8Array, name = 'documento', type = '') {
  return extractDocument(bytes, { name, type }, undefined);
}

describe('DOCX', () => {
  test('body, title, headers, footers, notes and comments, whatever the name', async () => {
    const { text, unreadable } = await read(await makeDocx('Perizia &amp; relazione perch&#233; sì'), 'foto.jpg');
    expect(unreadable).toEqual([]);
    for (const line of [
      'Il titolo',
      'Perizia & relazione perché sì',
      'intestazione di pagina',
      'piè di pagina',
      'nota a margine',
      'commento del revisore',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).not.toContain('nonsivede');
  });

  test('runs make words, paragraphs, tabs and cells divide them; deleted text and field codes are left out', async () => {
    const { text } = await read(
      await makeDocx('', {
        'word/document.xml':
          '<w:document><w:p><w:r><w:t>capi</w:t></w:r><w:r><w:t xml:space="preserve">tolato </w:t></w:r><w:r><w:tab/><w:t>speciale</w:t></w:r></w:p>' +
          '<w:p><w:del><w:r><w:delText>tolto</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText><w:t>dopo</w:t></w:r></w:p>' +
          '<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>riquadro</w:t></w:r></w:p></mc:Choice><mc:Fallback><w:p><w:r><w:t>riquadro</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:document>',
      }),
    );
    expect(text).toContain('capitolato speciale\ndopo\nriquadro');
    expect(text).not.toMatch(/tolto|PAGE|riquadro[\s\S]*riquadro/);
  });

  test('a document inside the document', async () => {
    const { text } = await read(
      await makeDocx('fuori', { 'word/embeddings/Foglio.xlsx': await makeXlsx(), 'word/media/image1.png': 'x' }),
    );
    expect(text).toContain('ricavi');
  });
});

test('XLSX: shared and inline strings, results, numbers as written, names of sheets, comments; no indexes', async () => {
  const { text, unreadable } = await read(await makeXlsx(), 'conti.xlsx');
  expect(unreadable).toEqual([]);
  expect(text.split('\n')).toEqual(
    expect.arrayContaining([
      'Bilancio & conti',
      'ricavi',
      'plusvalenze',
      '1234.56',
      'testo in linea',
      'risultato',
      '&CRiservato',
      'da verificare',
    ]),
  );
  expect(text).not.toContain('4711');
});

test('PPTX: slides in their order, then notes', async () => {
  const { text } = await read(await makePptx(), 'slide.pptx');
  expect(text).toBe('seconda diapositiva\nultima\nnota del relatore');
});

test('a damaged part costs only itself', async () => {
  const docx = await makeDocx('x'.repeat(5000), {
    'word/header1.xml': `<w:hdr><w:t>${'y'.repeat(5000)}</w:t></w:hdr>`,
  });
  const broken = Buffer.from(docx);
  // Inside the deflated octets of the first header; the name stands before them.
  const at = broken.indexOf('word/header1.xml') + 'word/header1.xml'.length;
  broken.fill(0xff, at, at + 10);
  const { text, unreadable } = await read(broken, 'a.docx');
  expect(text).toContain('x'.repeat(5000));
  expect(text).toContain('nota a margine');
  expect(unreadable).toEqual([
    { path: 'a.docx/word/header1.xml', reason: expect.stringMatching(/^cannot be read: invalid/) },
  ]);
});

describe('ODF', () => {
  test('text with its spaces, header, title', async () => {
    const body =
      '<office:text><text:h>Capo I</text:h><text:p>con<text:span>tratto</text:span><text:s/>di<text:tab/>locazione</text:p></office:text>';
    const { text } = await read(await makeOdf('text', body), 'a.odt');
    expect(text).toBe('Titolo ODF\nCapo I\ncontratto di locazione\ntestatina');
  });

  test('names of sheets and cells', async () => {
    const body =
      '<office:spreadsheet><table:table table:name="Foglio &quot;uno&quot;"><table:table-row><table:table-cell office:value="2.5"><text:p>2,50</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>';
    const { text } = await read(await makeOdf('spreadsheet', body), 'a.ods');
    expect(text).toContain('Foglio "uno"\n2,50');
  });

  test('an encrypted one says so', async () => {
    const zip = await makeOdf('text', 'x', {
      'META-INF/manifest.xml': '<m:manifest><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>',
    });
    expect(await read(zip, 'a.odt')).toEqual({ text: '', unreadable: [{ path: 'a.odt', reason: 'encrypted' }] });
  });
});

test('an encrypted DOCX and an old DOC say so', async () => {
  const ole = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]);
  expect((await read(ole, 'a.doc')).unreadable).toEqual([
    { path: 'a.doc', reason: 'Office formats of before 2007 are not read' },
  ]);
  const encrypted = Buffer.concat([ole, Buffer.from('EncryptedPackage', 'utf16le')]);
  expect((await read(encrypted, 'a.docx')).unreadable).toEqual([{ path: 'a.docx', reason: 'encrypted' }]);
});

test('parts in UTF-16', async () => {
  const zip = await makeZip({
    '[Content_Types].xml': 'x',
    'word/document.xml': Buffer.from('\ufeff<?xml version="1.0" encoding="UTF-16"?><w:t>città</w:t>', 'utf16le'),
  });
  expect((await read(zip)).text).toBe('città');
});
