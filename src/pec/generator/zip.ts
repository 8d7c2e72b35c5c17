import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

const MODIFIED = new Date('2024-01-15T09:00:00Z');

/** A ZIP of two small text files, always the same octets. */
async function makeZip(): Promise<Buffer> {
  const zip = new ZipFile();
  const options = { mtime: MODIFIED, mode: 0o100644 };
  zip.addBuffer(Buffer.from('Elenco dei documenti allegati alla pratica di esempio.\n'), 'leggimi.txt', options);
  zip.addBuffer(Buffer.from('numero;data;importo\n1;15/01/2024;100,00\n'), 'dati/importi.csv', options);
  zip.end();
  return buffer(zip.outputStream);
}

/** Made at import: yazl only writes streams, and the generator is synchronous. */
export const SAMPLE_ZIP: Buffer = await makeZip();
