import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

export type Members = Readonly<Record<string, string | Uint8Array>>;

/** A ZIP of these members, in this order. */
export async function makeZip(members: Members): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(members)) {
    if (name.endsWith('/')) zip.addEmptyDirectory(name);
    else zip.addBuffer(Buffer.from(content as string), name);
  }
  zip.end();
  return buffer(zip.outputStream);
}

/** Says of every member that it is encrypted (general purpose bit 0). */
export function markEncrypted(zip: Buffer): Buffer {
  const marked = Buffer.from(zip);
  for (const [signature, flags] of [
    ['PK\x03\x04', 6],
    ['PK\x01\x02', 8],
  ] as const) {
    for (let at = marked.indexOf(signature); at >= 0; at = marked.indexOf(signature, at + 4)) {
      marked[at + flags] = (marked[at + flags] ?? 0) | 1;
    }
  }
  return marked;
}

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"';
const TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>';

function paragraph(text: string): string {
  return `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
}

export function makeDocx(text: string, more: Members = {}): Promise<Buffer> {
  return makeZip({
    '[Content_Types].xml': TYPES,
    'docProps/core.xml':
      '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>Il titolo</dc:title></cp:coreProperties>',
    'word/document.xml': `<?xml version="1.0" encoding="UTF-8"?><w:document ${W}><w:body>${paragraph(text)}</w:body></w:document>`,
    'word/header1.xml': `<w:hdr ${W}>${paragraph('intestazione di pagina')}</w:hdr>`,
    'word/footer1.xml': `<w:ftr ${W}>${paragraph('piè di pagina')}</w:ftr>`,
    'word/footnotes.xml': `<w:footnotes ${W}><w:footnote>${paragraph('nota a margine')}</w:footnote></w:footnotes>`,
    'word/comments.xml': `<w:comments ${W}><w:comment>${paragraph('commento del revisore')}</w:comment></w:comments>`,
    'word/styles.xml': '<w:styles><w:style w:styleId="nonsivede"/></w:styles>',
    ...more,
  });
}

export function makeXlsx(): Promise<Buffer> {
  return makeZip({
    '[Content_Types].xml': TYPES,
    'xl/workbook.xml': '<workbook><sheets><sheet name="Bilancio &amp; conti" sheetId="1"/></sheets></workbook>',
    'xl/sharedStrings.xml': '<sst><si><t>ricavi</t></si><si><r><t>plus</t></r><r><t>valenze</t></r></si></sst>',
    'xl/worksheets/sheet1.xml':
      '<worksheet><sheetData><row><c r="A1" t="s"><v>4711</v></c><c r="B1"><v>1234.56</v></c>' +
      '<c r="C1" t="inlineStr"><is><t>testo in linea</t></is></c><c r="D1" t="str"><f>A1&amp;"x"</f><v>risultato</v></c>' +
      '</row></sheetData><headerFooter><oddHeader>&amp;CRiservato</oddHeader></headerFooter></worksheet>',
    'xl/comments1.xml':
      '<comments><commentList><comment><text><t>da verificare</t></text></comment></commentList></comments>',
  });
}

export function makePptx(): Promise<Buffer> {
  const slide = (text: string) => `<p:sld ${A}><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:sld>`;
  return makeZip({
    '[Content_Types].xml': TYPES,
    'ppt/slides/slide10.xml': slide('ultima'),
    'ppt/slides/slide2.xml': slide('seconda diapositiva'),
    'ppt/notesSlides/notesSlide1.xml': slide('nota del relatore'),
  });
}

const OFFICE = 'xmlns:office="o" xmlns:text="t" xmlns:table="tb" xmlns:style="s" xmlns:dc="d"';

export function makeOdf(
  type: 'text' | 'spreadsheet' | 'presentation',
  body: string,
  more: Members = {},
): Promise<Buffer> {
  return makeZip({
    mimetype: `application/vnd.oasis.opendocument.${type}`,
    'content.xml': `<office:document-content ${OFFICE}><office:automatic-styles>nonsivede</office:automatic-styles><office:body>${body}</office:body></office:document-content>`,
    'styles.xml': `<office:document-styles ${OFFICE}><style:header><text:p>testatina</text:p></style:header></office:document-styles>`,
    'meta.xml': `<office:document-meta ${OFFICE}><office:meta><dc:title>Titolo ODF</dc:title></office:meta></office:document-meta>`,
    ...more,
  });
}
