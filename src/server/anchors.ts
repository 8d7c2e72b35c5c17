import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { certificateFiles } from '../config/certificate-files.ts';
import { pemDecodeAll } from '../pki/index.ts';

/**
 * DER of the authorities that gestori's certificates are checked against: the system's, Node's own, and those of
 * `caFile`, a file or a folder of them. Rejects when a file cannot be read.
 */
export async function loadAnchors(caFile: string | undefined): Promise<Uint8Array[]> {
  const pems = new Set([...getCACertificates('system'), ...getCACertificates('bundled')]);
  const files = caFile === undefined ? [] : await certificateFiles(caFile);
  const own = await Promise.all(files.map(async file => certificatesOf(await readFile(file))));
  return [...[...pems].flatMap(pem => certificatesOf(Buffer.from(pem))), ...own.flat()];
}

/** DER of what is PEM, or of the one that is DER itself. */
function certificatesOf(octets: Buffer): Uint8Array[] {
  const text = octets.toString('latin1');
  if (!text.includes('-----BEGIN ')) return [new Uint8Array(octets)];
  return pemDecodeAll(text).flatMap(({ label, der }) => (label === 'CERTIFICATE' ? [der] : []));
}
