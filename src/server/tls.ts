import { X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { issueCertificate } from '../pki/index.ts';

/** Certificate and key that every listener of one process presents. */
export interface TlsMaterial {
  /** PEM, leaf first. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** SHA-256 of the certificate, `AA:BB:...`, as mail clients show it. */
  readonly fingerprint: string;
  readonly selfSigned: boolean;
}

/** Apple's mail clients accept no server certificate that lives longer. */
const LIFETIME_DAYS = 825;
const DAY = 86_400_000;

/**
 * The configured certificate, or a self-signed one kept in `dataDir/tls`: made at the first start, made again once it
 * has expired. Its fingerprint is logged, since that is all a person can compare in a client's warning.
 */
export async function loadTls(config: Config, logger: Logger): Promise<TlsMaterial> {
  if (config.tls !== undefined) {
    const cert = await readFile(config.tls.certFile, 'utf8');
    const expiry = new X509Certificate(cert).validToDate;
    if (expiry.getTime() < Date.now())
      logger.warn({ certFile: config.tls.certFile, expiry }, 'certificate has expired');
    return material(cert, await readFile(config.tls.keyFile, 'utf8'), false);
  }
  const directory = join(config.dataDir, 'tls');
  const kept = (await readKept(directory)) ?? (await makeSelfSigned(directory, config));
  logger.info({ fingerprint: kept.fingerprint }, 'self-signed certificate');
  return kept;
}

async function readKept(directory: string): Promise<TlsMaterial | null> {
  try {
    const pem = await readFile(join(directory, 'server.pem'), 'utf8');
    const [key = '', cert = ''] = pem.split(/(?=-----BEGIN CERTIFICATE-----)/);
    const kept = material(cert, key, true);
    return new X509Certificate(cert).validToDate.getTime() > Date.now() ? kept : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function makeSelfSigned(directory: string, config: Config): Promise<TlsMaterial> {
  const publicHost = config.web?.publicUrl === undefined ? [] : [new URL(config.web.publicUrl).hostname];
  const issued = await issueCertificate({
    subject: { commonName: publicHost[0] ?? hostname(), organization: 'Archivia' },
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + (LIFETIME_DAYS - 1) * DAY),
    dnsNames: [...new Set([...publicHost, hostname(), 'localhost'])],
    ipAddresses: ['127.0.0.1', '::1'],
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth'],
  });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeWhole(join(directory, 'server.pem'), `${issued.privateKeyPem.trimEnd()}\n${issued.certificatePem}`);
  return material(issued.certificatePem, issued.privateKeyPem, true);
}

/** Key and certificate in one file, so that a crash cannot leave a pair that does not match. */
async function writeWhole(file: string, content: string): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

function material(cert: string, key: string, selfSigned: boolean): TlsMaterial {
  return { cert, key, fingerprint: new X509Certificate(cert).fingerprint256, selfSigned };
}
