import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inSubtree, parseCertificate } from '../../src/pki/parsed-certificate.ts';
import { findPath, TrustAnchors } from '../../src/pki/path.ts';
import { pemDecodeAll } from '../../src/pki/pem.ts';

const run = promisify(execFile);
const CONFIG = `
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
[limited]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
nameConstraints = critical,permitted;email:gestore-uno.example,permitted;email:.gestore-due.example
[middle]
basicConstraints = critical,CA:TRUE
[nosign]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature
[inside]
subjectAltName = email:posta-certificata@gestore-uno.example
[below]
subjectAltName = email:posta-certificata@pec.gestore-due.example
[outside]
subjectAltName = email:posta-certificata@altrove.example
[critical]
1.2.3.4.5 = critical,ASN1:UTF8:x
`;

let directory = '';

/** Made by openssl, since issueCertificate writes none of these constraints. */
async function make(name: string, section: string, issuer?: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const signer = issuer === undefined ? [] : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`];
  // An authority outlives what it issues, however slowly the certificates are made.
  const days = issuer === undefined ? '3652' : issuer === 'root' ? '3651' : '3650';
  const common = [
    '-config',
    'c.cnf',
    '-extensions',
    section,
    '-subj',
    `/CN=${name}`,
    '-days',
    days,
    '-out',
    `${name}.pem`,
  ];
  await run('openssl', ['req', '-x509', ...key, ...signer, ...common], { cwd: directory });
}

async function read(name: string) {
  const [block] = pemDecodeAll(await readFile(join(directory, `${name}.pem`), 'utf8'));
  return parseCertificate(block?.der ?? new Uint8Array());
}

/** Whether we and openssl find a path from a leaf through others to the root. */
async function both(leaf: string, ...through: string[]): Promise<[ours: boolean, openssl: boolean]> {
  const others = await Promise.all(through.map(read));
  const anchors = new TrustAnchors([(await read('root')).der]);
  const ours = findPath(await read(leaf), others, anchors, Date.now()) !== null;
  const untrusted = through.flatMap(name => ['-untrusted', `${name}.pem`]);
  const verify = run('openssl', ['verify', '-CAfile', 'root.pem', ...untrusted, `${leaf}.pem`], { cwd: directory });
  return [ours, await verify.then(() => true).catch(() => false)];
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-path-'));
  await writeFile(join(directory, 'c.cnf'), CONFIG);
  await make('root', 'root');
  await make('limited', 'limited', 'root');
  await make('toolong', 'middle', 'limited');
  await make('nosign', 'nosign', 'root');
  await make('inside', 'inside', 'limited');
  await make('below', 'below', 'limited');
  await make('outside', 'outside', 'limited');
  await make('critical', 'critical', 'limited');
  await make('pathlen', 'inside', 'toolong');
  await make('badissuer', 'inside', 'nosign');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('findPath agrees with openssl', () => {
  it.each([
    ['a name inside the constraints', true, ['inside', 'limited']],
    ['a name below a domain', true, ['below', 'limited']],
    ['a name outside the constraints', false, ['outside', 'limited']],
    ['an unknown critical extension', false, ['critical', 'limited']],
    ['a path longer than allowed', false, ['pathlen', 'toolong', 'limited']],
    ['an issuer that may not sign certificates', false, ['badissuer', 'nosign']],
    ['a missing link', false, ['inside']],
    ['links in any order, with others between', true, ['inside', 'nosign', 'outside', 'limited']],
  ])('on %s', async (_name, expected, [leaf = '', ...through]) => {
    expect(await both(leaf, ...through)).toEqual([expected, expected]);
  });

  it('ends on certificates that sign each other in a ring', async () => {
    const ring = await Promise.all(['limited', 'toolong', 'nosign'].map(read));
    expect(findPath(await read('inside'), [...ring, ...ring, ...ring], new TrustAnchors([]), Date.now())).toBeNull();
  });

  it('looks at validity at the moment asked about', async () => {
    const leaf = await read('inside');
    const others = [await read('limited')];
    const anchors = new TrustAnchors([(await read('root')).der, new Uint8Array([1, 2, 3])]);
    expect(findPath(leaf, others, anchors, leaf.notAfter)).toHaveLength(3);
    expect(findPath(leaf, others, anchors, leaf.notAfter + 1000)).toBeNull();
    expect(findPath(leaf, others, anchors, leaf.notBefore - 1000)).toBeNull();
  });
});

describe('inSubtree', () => {
  it.each([
    ['a@x.example', 'x.example', true],
    ['a@y.x.example', 'x.example', false],
    ['a@y.x.example', '.x.example', true],
    ['a@x.example', '.x.example', false],
    ['A@X.example', 'a@x.example', true],
    ['b@x.example', 'a@x.example', false],
    ['a@evilx.example', 'x.example', false],
  ])('%s in %s: %s', (email, base, expected) => {
    expect(inSubtree(email, base)).toBe(expected);
  });
});
