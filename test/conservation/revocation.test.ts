import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scanMessage } from '../../src/mime/index.ts';
import { createGenerator, createTestAuthorities, type GeneratedMessage } from '../../src/pec/generator/index.ts';
import { verifySignature } from '../../src/pec/index.ts';
import { enclosedLists, revocationSources, withRevocation } from '../../src/pec/signature/revocation.ts';
import { issueCertificate } from '../../src/pki/index.ts';
import { issueRevocationList } from '../../src/pki/issue-crl.ts';
import { pemDecodeAll } from '../../src/pki/pem.ts';
import { MemoryAccount } from './support/account.ts';
import { later, run, startService, temporaryDirectory } from './support/environment.ts';

const DAY = 86_400_000;
const now = Date.now();
const daysFromNow = (days: number) => new Date(now + days * DAY);
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };

type Authorities = Awaited<ReturnType<typeof createTestAuthorities>>;

/** A list of the gestori's authority that names their present certificates as revoked on a day. */
function listOf(authorities: Authorities, revokedAt: Date | null, made = daysFromNow(-1), next = daysFromNow(6)) {
  const present = authorities.gestori.flatMap(({ leaves }) => leaves.slice(-1));
  const revoked =
    revokedAt === null ? [] : present.map(({ pair }) => ({ certificate: pair.certificate, at: revokedAt }));
  return issueRevocationList({ issuer: authorities.intermediate, thisUpdate: made, nextUpdate: next, revoked });
}

function incoming(
  authorities: Authorities,
  days: number,
  revocationLists: readonly Uint8Array[] = [],
): GeneratedMessage {
  return createGenerator({ authorities, seed: 3, mailbox, revocationLists }).incoming({ at: daysFromNow(days) });
}

function check(authorities: Authorities, { raw }: GeneratedMessage, lists: readonly Uint8Array[]) {
  const options = { anchors: authorities.anchors, at: now };
  return withRevocation(verifySignature(raw, scanMessage(raw), options), { lists, responses: [] }, options);
}

test('a certificate revoked before the signature breaks it, one revoked after it is a remark', async () => {
  const authorities = await createTestAuthorities();
  const message = incoming(authorities, -10);
  const status = async (list: Promise<Uint8Array>) => check(authorities, message, [await list]).outcome;
  expect(await status(listOf(authorities, null))).toMatchObject({ status: 'valid', reasons: [] });
  expect(await status(listOf(authorities, daysFromNow(-5)))).toMatchObject({
    status: 'valid-with-remarks',
    reasons: [expect.stringContaining('è stato revocato')],
  });
  expect(await status(listOf(authorities, daysFromNow(-20)))).toMatchObject({
    status: 'broken',
    reasons: [expect.stringMatching(/^Il certificato del gestore era stato revocato il .*, prima della firma\.$/)],
  });
});

test('only a list counts that is the issuer’s own, whole, and of a time that matters', async () => {
  const authorities = await createTestAuthorities();
  const others = await createTestAuthorities({ now: daysFromNow(-1) });
  const message = incoming(authorities, -10);
  const revoked = await listOf(authorities, daysFromNow(-20));
  const forged = await issueRevocationList({
    // The right name, another key.
    issuer: { ...authorities.intermediate, privateKeyPem: others.intermediate.privateKeyPem },
    thisUpdate: daysFromNow(-1),
    nextUpdate: daysFromNow(6),
    revoked: [],
  });
  const stale = await listOf(authorities, daysFromNow(-20), daysFromNow(-40), daysFromNow(-30));
  for (const list of [
    forged,
    await listOf(others, daysFromNow(-20)),
    stale,
    revoked.subarray(0, 60),
    Buffer.from('x'),
  ]) {
    expect(check(authorities, message, [list])).toMatchObject({ outcome: { status: 'valid' }, lists: [] });
  }
  expect(check(authorities, message, [stale, revoked]).lists).toEqual([revoked]);
  // openssl reads it as we do.
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'list.der'), revoked);
  await writeFile(join(directory, 'ca.pem'), authorities.intermediate.certificatePem);
  const told = await run(
    'openssl',
    ['crl', '-inform', 'DER', '-in', 'list.der', '-CAfile', 'ca.pem', '-noout', '-text'],
    directory,
  );
  expect(told).toContain('verify OK');
  expect(told.match(/Serial Number:/g)).toHaveLength(3);
});

test('lists come with the message or from where the path’s certificates say, and are kept with the evidence', async () => {
  let asked = 0;
  let answer: Uint8Array = Buffer.from('none');
  const server = createServer((_request, response) => {
    asked++;
    response.end(answer);
  });
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  later(() => new Promise(closed => server.close(closed)));
  const crlUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/gestori.crl`;
  const authorities = await createTestAuthorities({ crlUrl });
  const fetched = await listOf(authorities, daysFromNow(-5));
  const enclosed = await listOf(authorities, null, daysFromNow(-2));
  answer = fetched;
  const message = incoming(authorities, -10, [enclosed]);
  expect(enclosedLists(message.raw, scanMessage(message.raw)).map(der => Buffer.compare(der, enclosed))).toEqual([0]);
  const options = { anchors: authorities.anchors, at: now };
  const outcome = verifySignature(message.raw, scanMessage(message.raw), options);
  expect(revocationSources(outcome, options)).toEqual({ lists: [crlUrl], queries: [] });
  // Nobody is asked on behalf of a certificate that anybody could have made.
  expect(revocationSources(outcome, { ...options, anchors: [] })).toEqual({ lists: [], queries: [] });

  const directory = await temporaryDirectory();
  const conserved = async (name: string, settings: object) => {
    const account = new MemoryAccount(join(directory, name));
    for (let count = 0; count < 3; count++) account.add(incoming(authorities, -10 - count, [enclosed]).raw);
    const service = await startService(join(directory, name), settings, { anchors: authorities.anchors });
    await service.watch(account.store);
    await service.drain(account.address);
    const [sealed] = await account.packages();
    const evidence = await account.store.evidenceDirectory(sealed?.packageId ?? '');
    return JSON.parse(await readFile(join(evidence, 'verifiche.json'), 'utf8'));
  };
  const online = await conserved('online', {});
  // Each thread asks once, however many messages there are.
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThanOrEqual(2);
  expect(
    Object.values<string>(online.revocationLists).map(pem => Buffer.from(pemDecodeAll(pem)[0]?.der ?? [])),
  ).toEqual([Buffer.from(fetched)]);
  for (const { signature, revocationLists } of online.messages) {
    expect(signature).toMatchObject({ status: 'valid-with-remarks' });
    expect(revocationLists).toEqual(Object.keys(online.revocationLists));
  }
  const before = asked;
  const offline = await conserved('offline', { fetchRevocation: false });
  expect(asked).toBe(before);
  expect(Object.values<string>(offline.revocationLists)).toHaveLength(1);
  for (const { signature } of offline.messages) expect(signature.status).toBe('valid');
});

test('a responder is asked about each certificate, believed when it may speak, and kept with the evidence', async () => {
  const directory = await temporaryDirectory();
  let asked = 0;
  let responder: 'authority' | 'delegate' | 'stranger' = 'delegate';
  // OpenSSL's responder, one request a run.
  const answer = async (request: Buffer): Promise<Buffer> => {
    const name = `${asked++}`;
    await writeFile(join(directory, `${name}.req`), request);
    const signer = ['-rsigner', `${responder}.pem`, '-rkey', `${responder}.key`, '-ndays', '1'];
    const files = ['-index', 'index.txt', '-CA', 'authority.pem', '-reqin', `${name}.req`, '-respout', `${name}.der`];
    await run('openssl', ['ocsp', ...files, ...signer], directory);
    return readFile(join(directory, `${name}.der`));
  };
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    response.end(await answer(Buffer.concat(pieces)));
  });
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  later(() => new Promise(closed => server.close(closed)));
  const ocspUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const authorities = await createTestAuthorities({ ocspUrl });
  const { intermediate, gestori } = authorities;
  const lifetime = { notBefore: daysFromNow(-30), notAfter: daysFromNow(30), subject: { commonName: 'Risponditore' } };
  const usage = { extendedKeyUsage: ['ocspSigning'] } as const;
  const people = {
    authority: intermediate,
    delegate: await issueCertificate({ ...lifetime, ...usage, issuer: intermediate }),
    // Of the same authority, and not for this purpose.
    stranger: await issueCertificate({ ...lifetime, issuer: intermediate }),
  };
  for (const [name, { certificatePem, privateKeyPem }] of Object.entries(people)) {
    await writeFile(join(directory, `${name}.pem`), certificatePem);
    await writeFile(join(directory, `${name}.key`), privateKeyPem);
  }
  const index = async (revokedAt: Date | null) => {
    const short = (date: Date) => `${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`;
    const lines = gestori.flatMap(({ leaves }) =>
      leaves.map(({ pair, notAfter }) => {
        const { serialNumber } = new X509Certificate(pair.certificate);
        const state = revokedAt === null ? `V\t${short(notAfter)}\t` : `R\t${short(notAfter)}\t${short(revokedAt)}`;
        return `${state}\t${serialNumber}\tunknown\t/CN=${serialNumber}\n`;
      }),
    );
    await writeFile(join(directory, 'index.txt'), lines.join(''));
  };
  const message = incoming(authorities, -10);
  const options = { anchors: authorities.anchors, at: now };
  const outcome = verifySignature(message.raw, scanMessage(message.raw), options);
  const { queries } = revocationSources(outcome, options);
  expect(queries.map(({ url }) => url)).toEqual([ocspUrl]);
  const told = async () => {
    const response = await answer(Buffer.from(queries[0]?.request ?? []));
    const found = withRevocation(outcome, { lists: [], responses: [response] }, options);
    expect(found.responses).toEqual(responder === 'stranger' ? [] : [response]);
    return found.outcome.status;
  };
  await index(null);
  expect(await told()).toBe('valid');
  await index(daysFromNow(-5));
  expect(await told()).toBe('valid-with-remarks');
  await index(daysFromNow(-20));
  expect(await told()).toBe('broken');
  responder = 'authority';
  expect(await told()).toBe('broken');
  responder = 'stranger';
  expect(await told()).toBe('valid');
  // One octet of the signed data differs; what is no response at all.
  responder = 'delegate';
  const good = await answer(Buffer.from(queries[0]?.request ?? []));
  const forged = Buffer.from(good);
  const time = forged.indexOf(Buffer.from([0x18, 0x0f])) + 8;
  forged.writeUInt8(forged.readUInt8(time) ^ 1, time);
  for (const response of [forged, good.subarray(0, 100), Buffer.from('x')]) {
    const nothing = withRevocation(outcome, { lists: [], responses: [response] }, options);
    expect(nothing).toMatchObject({ outcome: { status: 'valid' }, responses: [] });
  }
  const before = asked;
  const account = new MemoryAccount(join(directory, 'account'));
  account.add(message.raw);
  const service = await startService(join(directory, 'account'), {}, { anchors: authorities.anchors });
  await service.watch(account.store);
  await service.drain(account.address);
  expect(asked).toBeGreaterThan(before);
  const [sealed] = await account.packages();
  const evidence = await account.store.evidenceDirectory(sealed?.packageId ?? '');
  const { messages, ocspResponses } = JSON.parse(await readFile(join(evidence, 'verifiche.json'), 'utf8'));
  const [kept] = Object.values<string>(ocspResponses).flatMap(pemDecodeAll);
  expect(messages).toMatchObject([{ signature: { status: 'broken' }, ocspResponses: [expect.any(String)] }]);
  await writeFile(join(directory, 'kept.der'), kept?.der ?? '');
  await writeFile(join(directory, 'root.pem'), authorities.root.certificatePem);
  const judged = await run(
    'openssl',
    ['ocsp', '-respin', 'kept.der', '-CAfile', 'root.pem', '-verify_other', 'authority.pem', '-text'],
    directory,
  );
  expect(judged).toContain('Response verify OK');
  expect(judged).toContain('Cert Status: revoked');
});
