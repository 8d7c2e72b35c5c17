import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, type Trust } from '../../src/conservation/threads/inspect.ts';
import { IssuerCertificates } from '../../src/conservation/threads/issuers.ts';
import { RevocationLists } from '../../src/conservation/threads/revocation.ts';
import { scanMessage } from '../../src/mime/index.ts';
import { createGenerator, createTestAuthorities, type TestAuthorities } from '../../src/pec/generator/index.ts';
import { readIssuers } from '../../src/pec/signature/issuers.ts';
import { run, temporaryDirectory } from './support/environment.ts';

const now = Date.now();
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
const asked: string[] = [];
let answer: (url: string) => Uint8Array | number;
const server = createServer((request, response) => {
  const url = request.url ?? '';
  asked.push(url);
  const given = answer(url);
  if (typeof given === 'number') response.writeHead(given, { location: '/altro.cer' });
  response.end(typeof given === 'number' ? '' : given);
});
let port = 0;
let authorities: TestAuthorities;
beforeAll(async () => {
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  port = (server.address() as AddressInfo).port;
  authorities = await createTestAuthorities({ caIssuersUrl: `http://127.0.0.1:${port}/ca.cer` });
});
afterAll(() => new Promise(closed => server.close(closed)));

const generator = (of = authorities) => createGenerator({ authorities: of, seed: 9, mailbox });

function trust(options: Partial<Trust> = {}): Trust {
  return {
    anchors: authorities.anchors,
    fetchRevocation: true,
    revocation: new RevocationLists(),
    issuers: new IssuerCertificates({ internal: true }),
    ...options,
  };
}

const outcome = async (raw: Uint8Array, by: Trust) => (await check(raw, scanMessage(raw), by, now)).outcome;

describe('an authority that a signature does not bring with it', () => {
  it('is fetched where the certificate says, once, and kept with the outcome', async () => {
    answer = () => authorities.intermediate.certificate;
    const made = generator();
    const by = trust();
    asked.length = 0;
    for (const { raw } of [made.incoming(), made.incoming(), made.rem('SubmissionAcceptance')]) {
      const told = await outcome(raw, by);
      expect(told).toMatchObject({ status: 'valid', reasons: [] });
      const held = told.certificates.some(der => Buffer.compare(der, authorities.intermediate.certificate) === 0);
      expect(held).toBe(true);
    }
    expect(asked).toEqual(['/ca.cer']);
  });

  it('is not asked for where nobody may be asked, nor within', async () => {
    asked.length = 0;
    const { raw } = generator().incoming();
    const local = await createTestAuthorities({ caIssuersUrl: `http://localhost:${port}/ca.cer` });
    const named = generator(local).incoming().raw;
    for (const [message, by] of [
      [raw, trust({ fetchRevocation: false })],
      [raw, trust({ issuers: new IssuerCertificates() })],
      [named, trust({ anchors: local.anchors, issuers: new IssuerCertificates() })],
    ] as const) {
      expect((await outcome(message, by)).status).toBe('unknown-issuer');
    }
    expect(asked).toEqual([]);
  });

  it('stays unknown after any other answer', async () => {
    const { raw } = generator().incoming();
    const others = await createTestAuthorities();
    const answers: (Uint8Array | number)[] = [
      404,
      302,
      Buffer.from('x'),
      Buffer.alloc(200_000, authorities.intermediate.certificate),
      others.intermediate.certificate,
    ];
    for (const given of answers) {
      answer = () => given;
      expect((await outcome(raw, trust())).status).toBe('unknown-issuer');
    }
    expect(asked).not.toContain('/altro.cer');
  });

  it('is not asked for without end on behalf of what anybody can make', async () => {
    answer = () => 404;
    asked.length = 0;
    const by = trust();
    for (let count = 0; count < 30; count++) await by.issuers.fetch([`http://127.0.0.1:${port}/${count}`]);
    expect(asked).toHaveLength(12);
  });

  it('comes as it is, in PEM, or in a certs-only message', async () => {
    const { certificate, certificatePem } = authorities.intermediate;
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'ca.pem'), certificatePem);
    await run(
      'openssl',
      ['crl2pkcs7', '-nocrl', '-certfile', 'ca.pem', '-outform', 'DER', '-out', 'ca.p7c'],
      directory,
    );
    answer = url => (url === '/pem' ? Buffer.from(certificatePem) : certificate);
    const by = trust();
    for (const octets of [certificate, Buffer.from(certificatePem), await readFile(join(directory, 'ca.p7c'))]) {
      expect(readIssuers(octets).map(der => Buffer.compare(der, certificate))).toEqual([0]);
    }
    const fetched = await by.issuers.fetch([`http://127.0.0.1:${port}/pem`, `http://127.0.0.1:${port}/der`]);
    expect(fetched).toHaveLength(2);
  });
});
