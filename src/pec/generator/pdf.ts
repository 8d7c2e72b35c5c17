import type { Random } from './random.ts';

/** Octets of the first line, `%PDF-1.4` not included: room to make copies of one PDF differ (see attachments.ts). */
export const UNIQUE_LINE = 46;

/**
 * A PDF of one page with real text, and a "scan" of noise which brings it to about `size` octets (noise, because a
 * scan does not compress either).
 */
export function makePdf(lines: readonly string[], size: number, random: Random): Buffer {
  const objects: Buffer[] = [];
  const add = (dictionary: string, stream?: Buffer) => {
    const body = stream === undefined ? [] : [Buffer.from('stream\n'), stream, Buffer.from('\nendstream\n')];
    objects.push(
      Buffer.concat([Buffer.from(`${objects.length + 1} 0 obj\n${dictionary}\n`), ...body, Buffer.from('endobj\n')]),
    );
  };
  const text = lines.map(line => `(${pdfText(line)}) Tj T*`).join('\n');
  const page = Buffer.from(`BT /F1 11 Tf 56 780 Td 15 TL\n${text}\nET\n`, 'latin1');
  const width = 64;
  const height = Math.max(1, Math.ceil((size - page.length - 1100) / width));
  add('<< /Type /Catalog /Pages 2 0 R >>');
  add('<< /Type /Pages /Kids [3 0 R] /Count 1 >>');
  add(
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /S 6 0 R >> >> >>',
  );
  add(`<< /Length ${page.length} >>`, page);
  add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>');
  const image = '/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8';
  add(`<< ${image} /Width ${width} /Height ${height} /Length ${width * height} >>`, random.bytes(width * height));
  return assemble(objects);
}

function assemble(objects: readonly Buffer[]): Buffer {
  const header = Buffer.from(`%PDF-1.4\n%${'0'.repeat(UNIQUE_LINE)}\n`);
  let offset = header.length;
  const entries = objects.map(object => {
    const entry = `${String(offset).padStart(10, '0')} 00000 n \n`;
    offset += object.length;
    return entry;
  });
  const count = objects.length + 1;
  const trailer = `trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${offset}\n%%EOF\n`;
  const xref = `xref\n0 ${count}\n0000000000 65535 f \n${entries.join('')}${trailer}`;
  return Buffer.concat([header, ...objects, Buffer.from(xref)]);
}

/** Characters of WinAnsi above 0x9f stand where latin1 has them; the typographic apostrophe does not. */
function pdfText(line: string): string {
  return line.replace(/’/g, "'").replace(/[\\()]/g, '\\$&');
}
