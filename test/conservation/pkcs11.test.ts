/** A key that never leaves its device: SoftHSM2, used as any PKCS#11 device is. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConservationConfigError } from '../../src/conservation/index.ts';
import { issueCertificate } from '../../src/pki/index.ts';
import type { KeyPairWithCertificate } from '../../src/pki/types.ts';
import { MemoryAccount } from './support/account.ts';
import { judgePackage, later, run, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '123456';

interface Device {
  readonly directory: string;
  readonly root: KeyPairWithCertificate;
  readonly path: (name: string) => string;
}

/** Sets variables of this process until the test ends. */
function environment(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    process.env[name] = value;
    later(async () => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}

/** A token with one key whose certificate is issued by a test authority. */
async function device(algorithm: 'RSA-2048' | 'P-256'): Promise<Device> {
  const directory = await temporaryDirectory();
  const path = (name: string) => join(directory, name);
  await mkdir(path('tokens'));
  await writeFile(path('softhsm2.conf'), `directories.tokendir = ${path('tokens')}\nobjectstore.backend = file\n`);
  environment({ SOFTHSM2_CONF: path('softhsm2.conf') });
  await run('softhsm2-util', ['--init-token', '--free', '--label', 'prova', '--so-pin', '654321', '--pin', PIN]);
  const period = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const root = await issueCertificate({ subject: { commonName: 'Radice' }, authority: true, ...period });
  const pair = await issueCertificate({
    subject: { commonName: 'Firmatario in dispositivo' },
    algorithm,
    issuer: root,
    keyUsage: ['nonRepudiation'],
    ...period,
  });
  await writeFile(path('key.pem'), pair.privateKeyPem);
  await writeFile(path('all.pem'), root.certificatePem + pair.certificatePem);
  await writeFile(path('root.pem'), root.certificatePem);
  await writeFile(path('pin'), `${PIN}\n`);
  await writeFile(path('wrong'), '999999');
  const token = ['--token', 'prova', '--pin', PIN];
  await run('softhsm2-util', ['--import', path('key.pem'), ...token, '--label', 'firma', '--id', '01']);
  return { directory, root, path };
}

async function refused(signer: object): Promise<string> {
  const error: unknown = await startService(await temporaryDirectory(), { signer }).catch(reason => reason);
  expect(error).toBeInstanceOf(ConservationConfigError);
  return error instanceof Error ? error.message : '';
}

test.each(['RSA-2048', 'P-256'] as const)('a key of %s in a device signs', async algorithm => {
  const { path } = await device(algorithm);
  const signer = {
    certFile: path('all.pem'),
    pkcs11: { moduleFile: MODULE, token: 'prova', key: 'firma', pinFile: path('pin') },
  };
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  account.add(ordinaryMessage(1));
  const service = await startService(directory, { signer });
  await service.watch(account.store);
  await service.drain(account.address);
  const [sealed] = await account.packages();
  await judgePackage(await account.evidenceDirectory(sealed?.packageId ?? 'none'), { signerCa: path('root.pem') });
});

test('a PIN that is missing or wrong, and a key or token that is not there, are told at the start', async () => {
  const { path } = await device('P-256');
  const certFile = path('all.pem');
  const pkcs11 = { moduleFile: MODULE, token: 'prova', key: 'firma' };
  expect(await refused({ certFile, pkcs11 })).toMatch(/wants a PIN; give conservation\.signer\.pkcs11\.pinFile/);
  expect(await refused({ certFile, pkcs11: { ...pkcs11, pinFile: path('wrong') } })).toMatch(/the PIN is wrong/);
  const good = { ...pkcs11, pinFile: path('pin') };
  expect(await refused({ certFile, pkcs11: { ...good, key: 'altra' } })).toMatch(/pkcs11\.key: there is no such/);
  expect(await refused({ certFile, pkcs11: { ...good, token: 'altro' } })).toMatch(/pkcs11\.token: no token "altro"/);
  expect(await refused({ certFile, pkcs11: { ...good, moduleFile: path('pin') } })).toMatch(/signer\.pkcs11: /);
  expect(await refused({ certFile, pkcs11: { ...good, pinFile: path('none') } })).toMatch(/pinFile.*ENOENT/);
  // Two keys, and none is named.
  await run('softhsm2-util', [
    '--import',
    path('key.pem'),
    '--token',
    'prova',
    '--pin',
    PIN,
    '--label',
    'due',
    '--id',
    '02',
  ]);
  expect(await refused({ certFile, pkcs11: { ...good, key: undefined } })).toMatch(
    /name one of .*"firma", "due"|"due", "firma"/,
  );
  // The certificate of somebody else's key.
  const { path: other } = await device('P-256');
  expect(await refused({ certFile, pkcs11: { ...good, pinFile: other('pin') } })).toMatch(
    /does not match the certificate/,
  );
});

test('the PIN may come from the environment', async () => {
  const { path } = await device('P-256');
  environment({ ARCHIVIA_SIGNER_PIN: PIN });
  const service = await startService(await temporaryDirectory(), {
    signer: { certFile: path('all.pem'), pkcs11: { moduleFile: MODULE } },
    timestamp: { url: 'http://127.0.0.1:9/' },
    holder: { type: 'legal', name: 'Studio Esempio' },
  });
  expect(service.evaluation).toBe(false);
});
