import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueCertificate } from '../../src/pki/certificate.ts';
import { pemDecodeAll, pemEncode, sha256Fingerprint } from '../../src/pki/pem.ts';
import type { KeyPairWithCertificate } from '../../src/pki/types.ts';

const run = promisify(execFile);
const notBefore = new Date('2024-01-01T00:00:00Z');
const notAfter = new Date('2094-01-01T00:00:00Z');
let directory = '';

async function openssl(...args: string[]): Promise<string> {
  const { stdout } = await run('openssl', args, { cwd: directory });
  return stdout;
}

async function save(name: string, pair: KeyPairWithCertificate): Promise<string> {
  await writeFile(join(directory, `${name}.key`), pair.privateKeyPem);
  await writeFile(join(directory, `${name}.pem`), pair.certificatePem);
  return `${name}.pem`;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-pki-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(['RSA-2048', 'P-256'] as const)('issueCertificate with %s keys', algorithm => {
  let root: KeyPairWithCertificate;
  let middle: KeyPairWithCertificate;
  let leaf: KeyPairWithCertificate;

  beforeAll(async () => {
    const common = { algorithm, notBefore, notAfter };
    root = await issueCertificate({ ...common, subject: { commonName: 'Radice di prova' }, authority: true });
    middle = await issueCertificate({
      ...common,
      subject: { commonName: 'CA intermedia', organization: 'Esempio', country: 'IT' },
      authority: true,
      issuer: root,
    });
    leaf = await issueCertificate({
      ...common,
      subject: { commonName: 'Gestore Uno àè' },
      issuer: middle,
      emails: ['posta-certificata@gestore-uno.example'],
      keyUsage: ['digitalSignature', 'nonRepudiation'],
      extendedKeyUsage: ['emailProtection'],
    });
  });

  it('makes a chain that openssl verifies for its purpose', async () => {
    const rootFile = await save('root', root);
    const middleFile = await save('middle', middle);
    const leafFile = await save('leaf', leaf);
    const strict = ['verify', '-x509_strict', '-CAfile', rootFile, '-untrusted', middleFile];
    expect(await openssl(...strict, '-purpose', 'smimesign', leafFile)).toContain('OK');
    await expect(openssl(...strict, '-purpose', 'sslserver', leafFile)).rejects.toThrow();
    await expect(openssl('verify', '-CAfile', rootFile, leafFile)).rejects.toThrow();
    expect(leaf.chain).toEqual([middle.certificate, root.certificate]);
  });

  it('writes names, dates and usages as asked', async () => {
    const text = await openssl('x509', '-in', await save('leaf', leaf), '-noout', '-text', '-nameopt', 'utf8');
    expect(text).toContain('Subject: CN=Gestore Uno àè');
    expect(text).toContain('email:posta-certificata@gestore-uno.example');
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Non Repudiation\n/);
    expect(text).toMatch(/Extended Key Usage: \n\s+E-mail Protection\n/);
    expect(text).toContain('CA:FALSE');
    expect(text).toContain('Not After : Jan  1 00:00:00 2094 GMT');
  });

  it('gives a private key that belongs to the certificate', async () => {
    await save('leaf', leaf);
    const ofKey = await openssl('pkey', '-in', 'leaf.key', '-pubout');
    expect(ofKey).toBe(await openssl('x509', '-in', 'leaf.pem', '-noout', '-pubkey'));
  });
});

describe('issueCertificate for servers', () => {
  it('is self-signed and covers host names and addresses', async () => {
    const pair = await issueCertificate({
      subject: { commonName: 'localhost' },
      notBefore,
      notAfter,
      dnsNames: ['localhost', 'posta.esempio.example'],
      ipAddresses: ['127.0.0.1', '::1', '2001:db8::ffff:192.0.2.1'],
      extendedKeyUsage: ['serverAuth'],
    });
    const certificate = new X509Certificate(pair.certificate);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkHost('posta.esempio.example')).toBeDefined();
    expect(certificate.checkIP('127.0.0.1')).toBeDefined();
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(certificate.checkIP('2001:db8::ffff:c000:201')).toBeDefined();
    expect(certificate.checkIP('::2')).toBeUndefined();
    const file = await save('server', pair);
    expect(await openssl('verify', '-CAfile', file, '-purpose', 'sslserver', file)).toContain('OK');
  });

  it('refuses what is no address', async () => {
    const request = { subject: { commonName: 'x' }, notBefore, notAfter, ipAddresses: ['1.2.3'] };
    await expect(issueCertificate(request)).rejects.toThrow(RangeError);
  });

  it('writes timeStamping critical', async () => {
    const pair = await issueCertificate({
      subject: { commonName: 'TSA' },
      notBefore,
      notAfter,
      extendedKeyUsage: ['timeStamping'],
    });
    const text = await openssl('x509', '-in', await save('tsa', pair), '-noout', '-text');
    expect(text).toMatch(/Extended Key Usage: critical\n\s+Time Stamping/);
  });
});

describe('PEM', () => {
  it('reads back what it writes, several blocks in one text', () => {
    const a = Uint8Array.from({ length: 100 }, (_, i) => i);
    const b = new Uint8Array([1]);
    const text = `# comment\r\n${pemEncode('CERTIFICATE', a).replaceAll('\n', '\r\n')}${pemEncode('X', b)}`;
    expect(pemDecodeAll(text)).toEqual([
      { label: 'CERTIFICATE', der: a },
      { label: 'X', der: b },
    ]);
  });

  it('leaves out a block that never ends', () => {
    expect(pemDecodeAll('-----BEGIN CERTIFICATE-----\nAAAA\n')).toEqual([]);
  });

  it('takes the fingerprint that openssl takes', async () => {
    const pair = await issueCertificate({ subject: { commonName: 'x' }, notBefore, notAfter });
    const shown = await openssl('x509', '-in', await save('x', pair), '-noout', '-fingerprint', '-sha256');
    expect(shown.split('=')[1]?.trim().replaceAll(':', '').toLowerCase()).toBe(sha256Fingerprint(pair.certificate));
  });
});
