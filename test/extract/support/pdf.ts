import { deflateSync } from 'node:zlib';

interface PdfOptions {
  /** One page each; lines of text in WinAnsi. */
  readonly pages?: readonly string[];
  /** Streams go through deflate so many times. */
  readonly deflated?: number;
  /** Content streams as they are, instead of `pages`. */
  readonly contents?: readonly Buffer[];
  readonly title?: string;
  /** A file inside. */
  readonly file?: { readonly name: string; readonly bytes: Buffer };
  /** The value of a form field on the first page. */
  readonly field?: string;
  /** A password that nobody knows. */
  readonly encrypted?: boolean;
}

/** A PDF written by hand. */
export function makePdf(options: PdfOptions): Buffer {
  const { deflated = 0 } = options;
  const contents = options.contents ?? (options.pages ?? []).map(page => Buffer.from(show(page), 'latin1'));
  const objects: Buffer[] = [];
  const add = (text: string, data?: Buffer): number => {
    const stream = data === undefined ? [] : [Buffer.from('\nstream\n'), data, Buffer.from('\nendstream')];
    objects.push(Buffer.concat([Buffer.from(text, 'latin1'), ...stream]));
    return objects.length;
  };
  const streamOf = (data: Buffer, more = ''): number => {
    let encoded = data;
    for (let time = 0; time < deflated; time++) encoded = deflateSync(encoded);
    const filters = deflated > 0 ? `/Filter [${'/FlateDecode '.repeat(deflated)}]` : '';
    return add(`<< ${more} /Length ${encoded.length} ${filters} >>`, encoded);
  };
  // 1: catalogue, 2: pages, 3: font; written at the end.
  add('');
  add('');
  add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>');
  const field =
    options.field === undefined
      ? 0
      : add(`<< /Type /Annot /Subtype /Widget /FT /Tx /T (campo) /V (${options.field}) /Rect [0 0 200 20] >>`);
  const pages = contents.map((content, index) => {
    const annotations = field > 0 && index === 0 ? `/Annots [${field} 0 R]` : '';
    const resources = '/Resources << /Font << /F1 3 0 R >> >>';
    return add(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${streamOf(content)} 0 R ${resources} ${annotations} >>`,
    );
  });
  let catalogue = '/Type /Catalog /Pages 2 0 R';
  if (field > 0) catalogue += ` /AcroForm << /Fields [${field} 0 R] >>`;
  if (options.file) {
    const file = streamOf(options.file.bytes, '/Type /EmbeddedFile');
    const spec = add(
      `<< /Type /Filespec /F (${options.file.name}) /UF (${options.file.name}) /EF << /F ${file} 0 R >> >>`,
    );
    catalogue += ` /Names << /EmbeddedFiles << /Names [(${options.file.name}) ${spec} 0 R] >> >>`;
  }
  objects[0] = Buffer.from(`<< ${catalogue} >>`);
  objects[1] = Buffer.from(
    `<< /Type /Pages /Kids [${pages.map(page => `${page} 0 R`).join(' ')}] /Count ${pages.length} >>`,
  );
  let trailer = '/Root 1 0 R';
  if (options.title !== undefined) trailer += ` /Info ${add(`<< /Title (${options.title}) >>`)} 0 R`;
  if (options.encrypted) {
    const key = `<${'5a'.repeat(32)}>`;
    trailer += ` /Encrypt ${add(`<< /Filter /Standard /V 1 /R 2 /O ${key} /U ${key} /P -4 >>`)} 0 R /ID [<00> <00>]`;
  }
  return assemble(objects, trailer);
}

function show(page: string): string {
  const lines = page.split('\n').map(line => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`);
  return `BT /F1 11 Tf 56 780 Td 15 TL\n${lines.join('\n')}\nET\n`;
}

function assemble(objects: readonly Buffer[], trailer: string): Buffer {
  const pieces = [Buffer.from('%PDF-1.7\n')];
  let length = 9;
  const offsets: string[] = [];
  objects.forEach((object, index) => {
    offsets.push(`${String(length).padStart(10, '0')} 00000 n \n`);
    const piece = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    pieces.push(piece);
    length += piece.length;
  });
  const size = objects.length + 1;
  pieces.push(
    Buffer.from(
      `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}trailer\n<< /Size ${size} ${trailer} >>\nstartxref\n${length}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(pieces);
}
