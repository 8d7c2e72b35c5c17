/** HTML and XML files, and the bound on how much of a file of characters is read. */

import { htmlToText, SIGNATURE_OCTETS, XML_FILE } from '../mime/markup.ts';
import { decodeBase64 } from '../mime/transfer.ts';
import { evidentCharset, htmlCharset, toText, xmlCharset } from './characters.ts';
import { Lines, tidy } from './lines.ts';
import type { Reading } from './reading.ts';
import { readXml } from './xml.ts';

/** The beginning of the file as text; what lies beyond the limit is noted. */
function characters(bytes: Uint8Array, charset: string, reading: Reading): string {
  const { markup } = reading.budget.limits;
  if (bytes.length > markup) reading.fail(`only ${markup} of ${bytes.length} octets are searched`);
  return toText(bytes.subarray(0, markup), charset);
}

export function readPlain(bytes: Uint8Array, reading: Reading): void {
  reading.add(tidy(characters(bytes, '', reading)));
}

export function readHtml(bytes: Uint8Array, reading: Reading): void {
  reading.add(htmlToText(characters(bytes, htmlCharset(bytes), reading)));
}

/** Characters of an XML file, by its own declaration unless a byte order mark knows better. */
export function xmlCharacters(bytes: Uint8Array, reading: Reading): string {
  return characters(bytes, evidentCharset(bytes) ?? xmlCharset(bytes), reading);
}

/** Element of FatturaPA 1.x that names the file beside it. */
const FILE_NAME = 'NomeAttachment';

/**
 * Text and attribute values of an XML document, such as a FatturaPA or a daticert.xml, and the files in base64 that a
 * FatturaPA carries. With `embeddedOnly` the latter alone.
 */
export async function readXmlDocument(bytes: Uint8Array, reading: Reading, embeddedOnly = false): Promise<void> {
  const lines = new Lines();
  const files: { name: string | null; base64: string[] }[] = [];
  let element = '';
  let name = '';
  readXml(xmlCharacters(bytes, reading), {
    open(opened) {
      element = opened;
      if (opened === FILE_NAME) name = '';
      if (opened === XML_FILE) files.push({ name: name.trim() || null, base64: [] });
      lines.end();
    },
    attribute(attribute, value) {
      lines.end();
      // Where a schema lies is no content.
      if (attribute !== 'schemaLocation') lines.text(value);
      lines.end();
    },
    text(text) {
      if (element === XML_FILE) files.at(-1)?.base64.push(text);
      else if (!SIGNATURE_OCTETS.has(element)) lines.text(text);
      if (element === FILE_NAME && name.length < 1000) name += text;
    },
    close() {
      element = '';
      lines.end();
    },
    enough: () => lines.length > reading.budget.limits.text * 2,
  });
  if (!embeddedOnly) reading.add(lines.toString());
  for (const file of files) {
    const bytes = decodeBase64(Buffer.from(file.base64.join(''), 'latin1'));
    if (bytes.length > 0) await reading.nested(bytes, { name: file.name, type: '' });
  }
}
