import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/schema.ts';
import { pemDecodeAll } from '../../pki/pem.ts';
import { ConservationConfigError } from '../errors.ts';
import { isSupportedKey, type SigningKey } from './cms.ts';

export type SignerConfig = NonNullable<Config['conservation']['signer']>;
type FileConfig = Exclude<SignerConfig, { readonly pkcs11: object }>;
/** Opens a PKCS#12 file; injected, because key derivation belongs on another thread. */
export type Pkcs12Reader = (bytes: Uint8Array, password: string) => Promise<SigningKey>;

/**
 * The signing key that the configuration names, checked: it opens, key and certificate belong together, the certificate
 * is valid now. Throws a ConservationConfigError that names the key of the configuration at fault.
 */
export async function loadSigningKey(config: FileConfig, readPkcs12: Pkcs12Reader, now: number): Promise<SigningKey> {
  const password =
    config.passwordFile === undefined
      ? null
      : await readSecret('conservation.signer.passwordFile', config.passwordFile);
  const key = 'pkcs12File' in config ? await fromPkcs12(config, password, readPkcs12) : await fromPem(config, password);
  return arranged(key, 'pkcs12File' in config ? 'conservation.signer.pkcs12File' : 'conservation.signer.certFile', now);
}

async function fromPkcs12(
  config: FileConfig & { readonly pkcs12File: string },
  password: string | null,
  readPkcs12: Pkcs12Reader,
): Promise<SigningKey> {
  const name = 'conservation.signer.pkcs12File';
  const bytes = await read(name, config.pkcs12File);
  try {
    return await readPkcs12(bytes, password ?? '');
  } catch (error) {
    throw new ConservationConfigError(`${name}: ${config.pkcs12File} ${text(error)}`);
  }
}

async function fromPem(
  config: FileConfig & { readonly certFile: string; readonly keyFile: string },
  password: string | null,
): Promise<SigningKey> {
  const certificates = await readPem('conservation.signer.certFile', config.certFile);
  const pem = await read('conservation.signer.keyFile', config.keyFile);
  try {
    const key = createPrivateKey(password === null ? { key: pem } : { key: pem, passphrase: password });
    return { certificates, privateKey: key.export({ format: 'der', type: 'pkcs8' }) };
  } catch (error) {
    const encrypted = pem.includes('ENCRYPTED');
    throw new ConservationConfigError(
      encrypted && password === null
        ? `conservation.signer.keyFile: ${config.keyFile} is encrypted; give conservation.signer.passwordFile`
        : `conservation.signer.keyFile: ${config.keyFile} cannot be opened${encrypted ? ' (wrong password?)' : ''}: ${text(error)}`,
    );
  }
}

/** The certificate of the key first, then its issuers, nearest first; what does not belong to the chain is left out. */
function arranged(key: SigningKey, name: string, now: number): SigningKey {
  const privateKey = openKey(key, name);
  const certificates = key.certificates.map(der => parseCertificate(der, name));
  const leaf = certificates.find(certificate => certificate.checkPrivateKey(privateKey));
  if (leaf === undefined) throw new ConservationConfigError(`${name}: the private key does not match the certificate`);
  assertValidAt(leaf, name, now);
  return { certificates: chainOf(leaf, certificates), privateKey: key.privateKey };
}

/** DER of a certificate and its issuers, nearest first, as far as they are there. */
export function chainOf(leaf: X509Certificate, certificates: readonly X509Certificate[]): Uint8Array[] {
  const chain = [leaf];
  for (;;) {
    const last = chain.at(-1) ?? leaf;
    const issuer = certificates.find(candidate => !chain.includes(candidate) && last.checkIssued(candidate));
    if (issuer === undefined) break;
    chain.push(issuer);
  }
  return chain.map(certificate => new Uint8Array(certificate.raw));
}

/** Every certificate of a PEM file. Throws a ConservationConfigError when there is none. */
export async function readCertificates(name: string, file: string): Promise<X509Certificate[]> {
  return (await readPem(name, file)).map(der => parseCertificate(der, name));
}

async function readPem(name: string, file: string): Promise<Uint8Array[]> {
  const certificates = pemDecodeAll((await read(name, file)).toString('latin1'))
    .filter(block => block.label === 'CERTIFICATE')
    .map(block => block.der);
  if (certificates.length > 0) return certificates;
  throw new ConservationConfigError(`${name}: no certificate in ${file} (PEM wanted)`);
}

/** A password or PIN: the file's text without its line end. */
export async function readSecret(name: string, file: string): Promise<string> {
  return (await read(name, file)).toString('utf8').replace(/\r?\n$/, '');
}

/** Throws a ConservationConfigError when the certificate is expired or not yet valid. */
export function assertValidAt(certificate: X509Certificate, name: string, now: number): void {
  if (now > certificate.validToDate.getTime()) {
    throw new ConservationConfigError(`${name}: the signing certificate expired on ${certificate.validTo}`);
  }
  if (now < certificate.validFromDate.getTime()) {
    throw new ConservationConfigError(`${name}: the signing certificate is not valid before ${certificate.validFrom}`);
  }
}

function openKey(key: SigningKey, name: string): KeyObject {
  const opened = createPrivateKey({ key: Buffer.from(key.privateKey), format: 'der', type: 'pkcs8' });
  if (!isSupportedKey(opened)) {
    throw new ConservationConfigError(`${name}: a key of type ${opened.asymmetricKeyType} cannot sign; use RSA or EC`);
  }
  return opened;
}

function parseCertificate(der: Uint8Array, name: string): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw new ConservationConfigError(`${name}: a certificate cannot be read: ${text(error)}`);
  }
}

async function read(name: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ConservationConfigError(`${name}: ${text(error)}`);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
