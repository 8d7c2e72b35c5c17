import { createPrivateKey } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadEvaluationKeys } from '../../src/conservation/evaluation-keys.ts';
import { ConservationConfigError } from '../../src/conservation/index.ts';
import { issueCertificate } from '../../src/pki/index.ts';
import type { CertificateRequest, KeyPairWithCertificate } from '../../src/pki/types.ts';
import { MemoryAccount } from './support/account.ts';
import { judgePackage, run, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const DAY = 86_400_000;
let root: KeyPairWithCertificate;
let middle: KeyPairWithCertificate;

const period = (from: number, to: number) => ({
  notBefore: new Date(Date.now() + from * DAY),
  notAfter: new Date(Date.now() + to * DAY),
});

beforeAll(async () => {
  const authority = { authority: true, keyUsage: ['keyCertSign'], ...period(-2, 30) } as const;
  root = await issueCertificate({ subject: { commonName: 'Radice' }, ...authority });
  middle = await issueCertificate({ subject: { commonName: 'Intermedia' }, issuer: root, ...authority });
});

function signerCertificate(algorithm: CertificateRequest['algorithm'], dates = period(-1, 20)) {
  const subject = { commonName: 'Firmatario di prova', country: 'IT' };
  return issueCertificate({ subject, algorithm, issuer: middle, keyUsage: ['nonRepudiation'], ...dates });
}

/** Certificates out of order, since nobody keeps to one. */
const shuffled = (pair: KeyPairWithCertificate) => root.certificatePem + middle.certificatePem + pair.certificatePem;

async function files(pair: KeyPairWithCertificate) {
  const directory = await temporaryDirectory();
  const path = (name: string) => join(directory, name);
  await writeFile(path('key.pem'), pair.privateKeyPem);
  await writeFile(path('cert.pem'), pair.certificatePem);
  await writeFile(path('chain.pem'), root.certificatePem + middle.certificatePem);
  await writeFile(path('all.pem'), shuffled(pair));
  await writeFile(path('password'), 'segreta\n');
  await writeFile(path('root.pem'), root.certificatePem);
  return { directory, path };
}

async function pkcs12(pair: KeyPairWithCertificate, ...options: string[]) {
  const made = await files(pair);
  const source = ['-inkey', 'key.pem', '-in', 'cert.pem', '-certfile', 'chain.pem'];
  await run(
    'openssl',
    ['pkcs12', '-export', ...source, '-passout', 'pass:segreta', '-out', 'f.p12', ...options],
    made.directory,
  );
  return { ...made, signer: { pkcs12File: made.path('f.p12'), passwordFile: made.path('password') } };
}

async function conserveWith(signer: object, rootFile: string) {
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  account.add(ordinaryMessage(1));
  const service = await startService(directory, { signer });
  await service.watch(account.store);
  await service.drain(account.address);
  const [sealed] = await account.packages();
  // Only the root is believed: the chain has to come with the signature.
  await judgePackage(await account.evidenceDirectory(sealed?.packageId ?? 'none'), { signerCa: rootFile });
}

async function refused(signer: object): Promise<string> {
  const starting = startService(await temporaryDirectory(), { signer });
  const error = await starting.then(
    () => null,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ConservationConfigError);
  return error instanceof Error ? error.message : '';
}

test.each(['RSA-2048', 'P-256'] as const)('PKCS#12 with a key of %s signs', async algorithm => {
  const { signer, path } = await pkcs12(await signerCertificate(algorithm));
  await conserveWith(signer, path('root.pem'));
});

test.each(['RSA-2048', 'P-256'] as const)('PEM with a key of %s signs', async algorithm => {
  const { path } = await files(await signerCertificate(algorithm));
  await conserveWith({ certFile: path('all.pem'), keyFile: path('key.pem') }, path('root.pem'));
});

test('an encrypted PEM key opens with its password', async () => {
  const pair = await signerCertificate('P-256');
  const { path } = await files(pair);
  const encrypted = createPrivateKey(pair.privateKeyPem).export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'segreta',
  });
  await writeFile(path('secret.pem'), encrypted);
  const signer = { certFile: path('all.pem'), keyFile: path('secret.pem') };
  await conserveWith({ ...signer, passwordFile: path('password') }, path('root.pem'));
  expect(await refused(signer)).toMatch(/conservation\.signer\.keyFile.*encrypted.*passwordFile/);
  await writeFile(path('wrong'), 'altra');
  expect(await refused({ ...signer, passwordFile: path('wrong') })).toMatch(
    /conservation\.signer\.keyFile.*wrong password/,
  );
});

test('faults of the key store are told with the name of the key', async () => {
  const { signer, path } = await pkcs12(await signerCertificate('P-256'));
  await writeFile(path('wrong'), 'altra');
  expect(await refused({ ...signer, passwordFile: path('wrong') })).toMatch(/signer\.pkcs12File.*password is wrong/);
  expect(await refused({ pkcs12File: path('none.p12') })).toMatch(/signer\.pkcs12File.*ENOENT/);
  expect(await refused({ pkcs12File: path('f.p12'), passwordFile: path('none') })).toMatch(
    /signer\.passwordFile.*ENOENT/,
  );
  expect(await refused({ pkcs12File: path('cert.pem') })).toMatch(/signer\.pkcs12File.*no PKCS#12/);
});

test('a key store in the old encryption is told how to become a new one', async () => {
  const { signer } = await pkcs12(
    await signerCertificate('P-256'),
    '-certpbe',
    'PBE-SHA1-3DES',
    '-keypbe',
    'PBE-SHA1-3DES',
  );
  expect(await refused(signer)).toMatch(/signer\.pkcs12File.*outdated encryption.*openssl pkcs12 -legacy/);
});

test('expired, future and foreign certificates are refused at start', async () => {
  const expired = await files(await signerCertificate('P-256', period(-2, -1)));
  expect(await refused({ certFile: expired.path('all.pem'), keyFile: expired.path('key.pem') })).toMatch(
    /certFile.*expired/,
  );
  const future = await files(await signerCertificate('P-256', period(1, 2)));
  expect(await refused({ certFile: future.path('all.pem'), keyFile: future.path('key.pem') })).toMatch(
    /not valid before/,
  );
  expect(await refused({ certFile: future.path('all.pem'), keyFile: expired.path('key.pem') })).toMatch(
    /certFile.*does not match/,
  );
});

test('a certificate that expires while the service runs stops the queue, and no message pays for it', async () => {
  const { path } = await files(await signerCertificate('P-256'));
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  account.add(ordinaryMessage(1));
  let clock = Date.now();
  const signer = { certFile: path('all.pem'), keyFile: path('key.pem') };
  const service = await startService(directory, { signer }, { now: () => clock });
  clock += 21 * DAY;
  await service.watch(account.store);
  await expect(service.drain(account.address)).rejects.toThrow(/conservation\.signer.*expired/);
  expect(account.failures).toEqual([]);
  expect(await account.packages()).toEqual([]);
  expect(await account.queued(10)).toHaveLength(1);
});

test('evaluation keys are made once, together, for the owner only', async () => {
  const directory = await temporaryDirectory();
  const [one, two] = await Promise.all([loadEvaluationKeys(directory), loadEvaluationKeys(directory)]);
  expect(two.signer.certificates).toEqual(one.signer.certificates);
  expect((await loadEvaluationKeys(directory)).authority.privateKey).toEqual(one.authority.privateKey);
  for (const name of ['firmatario.key', 'marcatura.key']) {
    expect((await stat(join(directory, 'evaluation', name))).mode & 0o777).toBe(0o600);
  }
});
