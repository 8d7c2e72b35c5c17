import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const CERTIFICATE = /\.(pem|crt|cer|der)$/i;

/** The file itself, or those of a folder that hold certificates by their names, sorted. Rejects when there is none such. */
export async function certificateFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(name => CERTIFICATE.test(name)).sort();
  if (names.length === 0) throw new Error(`${path}: no certificates (.pem, .crt, .cer, .der)`);
  return names.map(name => join(path, name));
}
