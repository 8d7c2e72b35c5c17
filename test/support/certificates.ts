import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './processes.ts';

/** An authority and a server certificate for 127.0.0.1 and localhost, made by the openssl program; PEM files. */
export interface ServerCertificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export async function makeServerCertificates(directory: string): Promise<ServerCertificates> {
  const file = (name: string) => join(directory, name);
  const files = { caFile: file('ca.pem'), certFile: file('server.pem'), keyFile: file('server.key') };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await must('openssl', [
    ...['req', '-x509', ...key, '-days', '30', '-subj', '/CN=Prova CA'],
    ...['-keyout', file('ca.key'), '-out', files.caFile],
  ]);
  await must('openssl', [
    ...['req', '-new', ...key, '-subj', '/CN=localhost'],
    ...['-keyout', files.keyFile, '-out', file('server.csr')],
  ]);
  await writeFile(file('server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  await must('openssl', [
    ...['x509', '-req', '-in', file('server.csr'), '-CA', files.caFile, '-CAkey', file('ca.key'), '-CAcreateserial'],
    ...['-days', '30', '-extfile', file('server.ext'), '-out', files.certFile],
  ]);
  return files;
}
