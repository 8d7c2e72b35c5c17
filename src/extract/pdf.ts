/** PDF, by Mozilla's pdf.js as unpdf packs it. It evaluates no code, fetches nothing, and draws nothing here. */
import { getDocumentProxy } from 'unpdf';
import { processorTime } from './budget.ts';
import { tidy } from './lines.ts';
import { type Reading, UnreadableError } from './reading.ts';

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;
type Page = Awaited<ReturnType<Pdf['getPage']>>;

const INFO = ['Title', 'Subject', 'Author', 'Keywords'] as const;
/** Files inside one PDF that are read. */
const MAX_FILES = 100;

export async function readPdf(bytes: Uint8Array, reading: Reading): Promise<void> {
  const pdf = await open(bytes);
  try {
    await properties(pdf, reading);
    await pages(pdf, reading);
    await files(pdf, reading);
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function open(bytes: Uint8Array): Promise<Pdf> {
  try {
    return await getDocumentProxy(
      // The reader takes possession of the buffer.
      new Uint8Array(bytes),
      {
        verbosity: 0,
        useSystemFonts: false,
        disableFontFace: true,
        useWorkerFetch: false,
        useWasm: false,
        isOffscreenCanvasSupported: false,
        isImageDecoderSupported: false,
        enableXfa: false,
        stopAtErrors: false,
      },
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException') throw new UnreadableError('encrypted');
    throw error;
  }
}

async function properties(pdf: Pdf, reading: Reading): Promise<void> {
  const { info } = await pdf.getMetadata();
  const values = info as Readonly<Record<string, unknown>>;
  const lines = INFO.map(name => values[name]).filter(value => typeof value === 'string');
  reading.add(tidy(lines.join('\n')));
}

async function pages(pdf: Pdf, reading: Reading): Promise<void> {
  const { limits } = reading.budget;
  const since = processorTime();
  const count = Math.min(pdf.numPages, limits.pages);
  let damaged = 0;
  let length = 0;
  let read = 0;
  for (; read < count && !reading.full; read++) {
    if (processorTime() - since > limits.pdfMs || reading.budget.outOfTime) break;
    try {
      const page = await pdf.getPage(read + 1);
      const text = await pageText(page);
      length += text.length;
      reading.add(text);
      page.cleanup();
    } catch {
      damaged++;
    }
  }
  if (damaged > 0) reading.fail(`${damaged} of ${pdf.numPages} pages are damaged`);
  if (read < pdf.numPages && !reading.full) {
    const why = read < count ? 'the time for a PDF is used up' : `more than ${limits.pages} pages`;
    reading.fail(`only ${read} of ${pdf.numPages} pages are searched: ${why}`);
  } else if (length === 0 && damaged === 0) reading.fail('the pages hold no text, perhaps scans');
}

/** What stands on a page, and what was filled into its fields or noted on it. */
async function pageText(page: Page): Promise<string> {
  const { items } = await page.getTextContent();
  let text = '';
  for (const item of items) {
    if ('str' in item) text += item.hasEOL ? `${item.str}\n` : item.str;
  }
  for (const annotation of await page.getAnnotations()) text += `\n${annotationText(annotation)}`;
  return tidy(text);
}

/** Value of a form field, or the text of a comment. */
function annotationText(annotation: unknown): string {
  const { fieldValue, contentsObj } = annotation as { fieldValue?: unknown; contentsObj?: { str?: unknown } };
  const values = [fieldValue, contentsObj?.str].flat();
  return values.filter(value => typeof value === 'string').join('\n');
}

/** Files in the file: PDF/A-3, portfolios. */
async function files(pdf: Pdf, reading: Reading): Promise<void> {
  const attachments = [...((await pdf.getAttachments()) ?? [])];
  if (attachments.length > MAX_FILES) reading.fail(`more than ${MAX_FILES} files inside`);
  for (const [id, { filename }] of attachments.slice(0, MAX_FILES)) {
    if (reading.full) return;
    reading.add(filename);
    await reading.inside(filename, async inner => {
      const content = await pdf.getAttachmentContent(id);
      if (content instanceof Uint8Array) await inner.here(content, { name: filename, type: '' });
      else throw new UnreadableError('has no content');
    });
  }
}
