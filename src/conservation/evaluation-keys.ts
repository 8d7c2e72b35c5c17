import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { issueCertificate, pemDecodeAll, pemEncode } from '../pki/index.ts';
import type { KeyPairWithCertificate } from '../pki/types.ts';
import { ConservationConfigError } from './errors.ts';
import { syncDirectory } from './evidence/files.ts';
import type { SigningKey } from './signature/cms.ts';

/** Stand-ins for a qualified signer and a time-stamping authority: they prove the format, and nothing else. */
export interface EvaluationKeys {
  readonly signer: SigningKey;
  readonly authority: SigningKey;
}

const FILES = { signer: 'firmatario', authority: 'marcatura' } as const;
const VALIDITY_YEARS = 20;

/**
 * The evaluation keys under `dataDir/evaluation/`, made at the first call: all of them or none, since the directory is
 * made aside and renamed. Rejects when they are there and cannot be read.
 */
export async function loadEvaluationKeys(dataDir: string): Promise<EvaluationKeys> {
  const directory = join(dataDir, 'evaluation');
  const existing = await readKeys(directory);
  if (existing !== null) return existing;
  await makeKeys(directory);
  const made = await readKeys(directory);
  if (made === null) throw new ConservationConfigError(`${directory}: the evaluation keys could not be made`);
  return made;
}

async function readKeys(directory: string): Promise<EvaluationKeys | null> {
  try {
    return { signer: await readKey(directory, FILES.signer), authority: await readKey(directory, FILES.authority) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function readKey(directory: string, name: string): Promise<SigningKey> {
  const certificates = pemDecodeAll(await readFile(join(directory, `${name}.pem`), 'utf8')).map(block => block.der);
  const [key] = pemDecodeAll(await readFile(join(directory, `${name}.key`), 'utf8'));
  if (certificates.length === 0 || key === undefined) {
    throw new ConservationConfigError(`${directory}: the evaluation key "${name}" is damaged; remove the directory`);
  }
  return { certificates, privateKey: key.der };
}

async function makeKeys(directory: string): Promise<void> {
  const now = new Date();
  // A little in the past: clocks of those who verify may be behind.
  const notBefore = new Date(now.getTime() - 3_600_000);
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(now.getUTCFullYear() + VALIDITY_YEARS);
  const period = { notBefore, notAfter };
  const issuer = await issueCertificate({
    subject: { commonName: 'Archivia, autorità di valutazione, senza valore legale' },
    ...period,
    authority: true,
    keyUsage: ['keyCertSign', 'cRLSign'],
  });
  const signer = await issueCertificate({
    subject: { commonName: 'Archivia, chiave di valutazione, senza valore legale' },
    ...period,
    issuer,
    keyUsage: ['digitalSignature', 'nonRepudiation'],
  });
  const authority = await issueCertificate({
    subject: { commonName: 'Archivia, marcatura di valutazione, senza valore legale' },
    ...period,
    issuer,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['timeStamping'],
  });

  const temporary = `${directory}.${randomUUID()}`;
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  try {
    await writeKey(temporary, FILES.signer, signer);
    await writeKey(temporary, FILES.authority, authority);
    await syncDirectory(temporary);
    await rename(temporary, directory).catch(error => {
      // Another process was faster: its keys are as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    await syncDirectory(dirname(directory));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function writeKey(directory: string, name: string, pair: KeyPairWithCertificate): Promise<void> {
  const chain = pair.chain.map(der => pemEncode('CERTIFICATE', der)).join('');
  await writePrivate(join(directory, `${name}.pem`), pair.certificatePem + chain);
  await writePrivate(join(directory, `${name}.key`), pair.privateKeyPem);
}

async function writePrivate(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
