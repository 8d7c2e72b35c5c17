import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { pemDecodeAll } from '../pki/index.ts';

/**
 * DER of the authorities that gestori's certificates are checked against: the system's, Node's own, and those of
 * `caFile`. Rejects when the file cannot be read.
 */
export async function loadAnchors(caFile: string | undefined): Promise<Uint8Array[]> {
  const pems = new Set([...getCACertificates('system'), ...getCACertificates('bundled')]);
  if (caFile !== undefined) pems.add(await readFile(caFile, 'utf8'));
  return [...pems]
    .flatMap(pem => pemDecodeAll(pem))
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => der);
}
