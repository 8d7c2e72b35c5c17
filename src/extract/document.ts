import { Budget } from './budget.ts';
import { head } from './characters.ts';
import { cmsOctets, openEnvelope } from './cms.ts';
import { readHtml, readPlain, readXmlDocument } from './markup.ts';
import { readMessage } from './message.ts';
import { readOdf } from './odf.ts';
import { readOoxml } from './ooxml.ts';
import { readPdf } from './pdf.ts';
import { Reading, UnreadableError } from './reading.ts';
import { rtfToText } from './rtf.ts';
import { type Kind, sniff } from './sniff.ts';
import type { ExtractedText, Hint } from './types.ts';
import { readZip, Zip } from './zip.ts';

/**
 * The text of a document: by its octets first, then by name and type. Never throws; what cannot be read is told, and
 * what lies beside it is read. Bounded by `budget`, except against a reader that no longer answers (see pool.ts).
 */
export async function extractDocument(
  bytes: Uint8Array,
  hint: Hint,
  budget: Budget = new Budget(),
): Promise<ExtractedText> {
  const reading = Reading.outermost(budget, hint.name ?? '', readDocument);
  await reading.run(async () => reading.here(bytes, hint));
  return reading.result;
}

/** Reads a document into `reading`. Throws when it cannot. */
export async function readDocument(bytes: Uint8Array, hint: Hint, reading: Reading): Promise<void> {
  const { document } = reading.budget.limits;
  if (bytes.length === 0) return;
  if (bytes.length > document) throw new UnreadableError(`larger than ${document} octets`);
  await READERS[sniff(bytes, hint)](bytes, reading, hint);
}

type Reader = (bytes: Uint8Array, reading: Reading, hint: Hint) => void | Promise<void>;

const READERS: Readonly<Record<Kind, Reader>> = {
  pdf: readPdf,
  zip: readContainer,
  rtf: (bytes, reading) => {
    const { markup } = reading.budget.limits;
    if (bytes.length > markup) reading.fail(`only ${markup} of ${bytes.length} octets are searched`);
    reading.add(rtfToText(head(bytes, markup)));
  },
  cms: readSigned,
  message: readMessage,
  html: readHtml,
  xml: (bytes, reading) => readXmlDocument(bytes, reading),
  plain: readPlain,
  ole: bytes => {
    const encrypted = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(ENCRYPTED_PACKAGE);
    throw new UnreadableError(encrypted ? 'encrypted' : 'Office formats of before 2007 are not read');
  },
  textless: () => {},
  unknown: (_bytes, _reading, { name, type }) => {
    const what = /\.[a-z0-9]{1,10}$/i.exec(name ?? '')?.[0] ?? (type || 'octets of no known kind');
    throw new UnreadableError(`no text is read from ${what}`);
  },
};

/** Name of the stream in which an encrypted DOCX, XLSX or PPTX lies (MS-OFFCRYPTO section 2.3.4.4). */
const ENCRYPTED_PACKAGE = Buffer.from('EncryptedPackage', 'utf16le');

async function readContainer(bytes: Uint8Array, reading: Reading): Promise<void> {
  const zip = await Zip.open(bytes, reading);
  if (zip.find('[Content_Types].xml') && zip.members.some(({ name }) => /^(?:word|xl|ppt)\//.test(name))) {
    await readOoxml(zip, reading);
  } else if (zip.find('content.xml') && (zip.find('mimetype') || zip.find('META-INF/manifest.xml'))) {
    await readOdf(zip, reading);
  } else await readZip(zip, reading);
}

async function readSigned(bytes: Uint8Array, reading: Reading, { name }: Hint): Promise<void> {
  const { content, signers } = openEnvelope(cmsOctets(bytes) ?? bytes, reading.budget.limits.certificates);
  reading.add(signers.join('\n'));
  if (content === null) return;
  const inner = name?.replace(/\.(?:p7m|p7x|tsd|p7c)$/i, '') || null;
  await reading.nested(content, { name: inner, type: '' });
}
