/** DOCX, XLSX, PPTX (ECMA-376): the text of the parts that a reader of the document sees. */

import { Lines } from './lines.ts';
import { xmlCharacters } from './markup.ts';
import type { Reading } from './reading.ts';
import { readXml } from './xml.ts';
import type { Zip } from './zip.ts';

/** Parts with text, in the order in which they are read. */
const PARTS: readonly RegExp[] = [
  /^docProps\/core\.xml$/,
  /^word\/document\d*\.xml$/,
  /^word\/(?:header|footer)\d*\.xml$/,
  /^word\/(?:footnotes|endnotes|comments)\.xml$/,
  /^xl\/workbook\.xml$/,
  /^xl\/sharedStrings\.xml$/,
  /^xl\/(?:worksheets|chartsheets)\/[^/]+\.xml$/,
  /^xl\/(?:comments\d*|threadedComments\/[^/]+)\.xml$/,
  /^ppt\/slides\/[^/]+\.xml$/,
  /^ppt\/notesSlides\/[^/]+\.xml$/,
  /^ppt\/comments\/[^/]+\.xml$/,
  /^(?:word|xl|ppt)\/(?:charts|diagrams|drawings)\/(?:chart|data|drawing)\d*\.xml$/,
];

/** Documents inside the document; what OLE wraps is not read. */
const EMBEDDED = /^(?:word|xl|ppt)\/embeddings\/[^/]+\.(?:docx|docm|xlsx|xlsm|pptx|pptm|pdf)$/i;

/** Elements whose characters are text: w:t, a:t, x:t, m:t; p:text of comments; c:v of charts is told apart below. */
const TEXT = new Set(['t', 'text']);
const PROPERTIES = new Set(['title', 'subject', 'creator', 'keywords', 'description', 'category', 'lastModifiedBy']);
/** Elements that end a line. */
const BLOCK = new Set(['p', 'br', 'cr', 'tr', 'row', 'si', 'c', 'is', 'comment', 'cm', 'v', 'text']);

export async function readOoxml(zip: Zip, reading: Reading): Promise<void> {
  if (zip.find('xl/workbook.bin')) reading.fail('binary workbooks (xlsb) are not read');
  for (const part of PARTS) {
    for (const member of zip.members.filter(({ name }) => part.test(name)).sort(byNumber)) {
      if (reading.full) return;
      await reading.inside(member.name, async inner => {
        const { markup } = reading.budget.limits;
        const bytes = await zip.read(member, markup, true);
        if (member.size > markup) inner.fail(`only ${markup} of ${member.size} octets are searched`);
        inner.add(partText(member.name, xmlCharacters(bytes, inner)));
      });
    }
  }
  for (const member of zip.members.filter(({ name }) => EMBEDDED.test(name))) {
    await reading.inside(member.name, async inner => {
      const bytes = await zip.read(member, reading.budget.limits.document);
      await inner.here(bytes, { name: member.name, type: '' });
    });
  }
}

/** `slide2` before `slide10`. */
function byNumber(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name.length - b.name.length || (a.name < b.name ? -1 : 1);
}

function partText(part: string, xml: string): string {
  if (part.startsWith('docProps/')) return textOf(xml, name => PROPERTIES.has(name));
  if (part === 'xl/workbook.xml') return sheetNames(xml);
  if (part.startsWith('xl/worksheets/')) return sheetText(xml);
  if (part.includes('/charts/')) return textOf(xml, name => name === 't' || name === 'v');
  return textOf(xml, name => TEXT.has(name));
}

/** The characters of some elements, lines as the document has them. */
function textOf(xml: string, wanted: (element: string) => boolean): string {
  const lines = new Lines();
  let element = '';
  // A text box stands twice: as it is, and once more for programs which do not know text boxes.
  let fallback = 0;
  readXml(xml, {
    open(name) {
      element = name;
      if (name === 'Fallback') fallback++;
      if (name === 'tab') lines.space();
    },
    text(text) {
      if (fallback === 0 && wanted(element)) lines.text(text);
    },
    close(name) {
      element = '';
      if (name === 'Fallback') fallback = Math.max(0, fallback - 1);
      if (BLOCK.has(name) || PROPERTIES.has(name)) lines.end();
    },
  });
  return lines.toString();
}

function sheetNames(xml: string): string {
  const names: string[] = [];
  let element = '';
  readXml(xml, {
    open: name => {
      element = name;
    },
    attribute: (name, value) => {
      if (element === 'sheet' && name === 'name') names.push(value);
    },
  });
  return names.join('\n');
}

/** Numbers as they are written in the file, texts that stand in the cell; indexes of shared strings are left out. */
function sheetText(xml: string): string {
  const lines = new Lines();
  let element = '';
  let type = '';
  readXml(xml, {
    open(name) {
      element = name;
      if (name === 'c') type = '';
    },
    attribute(name, value) {
      if (element === 'c' && name === 't') type = value;
    },
    text(text) {
      const shown =
        element === 'v' ? type !== 's' && type !== 'b' : element === 't' || /^odd(?:Header|Footer)$/.test(element);
      if (shown) lines.text(text);
    },
    close(name) {
      element = '';
      if (name === 'c' || name === 'row') lines.end();
    },
  });
  return lines.toString();
}
