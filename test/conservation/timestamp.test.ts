import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TimestampError } from '../../src/conservation/errors.ts';
import { generalizedTime, integer, OID, oid, sequence } from '../../src/conservation/signature/asn1.ts';
import { signAttached } from '../../src/conservation/signature/cms.ts';
import { requestTimestamp } from '../../src/conservation/timestamp/client.ts';
import {
  encodeTimestampQuery,
  messageImprint,
  type TimestampQuery,
  timestampQuery,
} from '../../src/conservation/timestamp/request.ts';
import { checkTimestampResponse } from '../../src/conservation/timestamp/response.ts';
import { issueCertificate, pemDecodeAll } from '../../src/pki/index.ts';
import type { CertificateRequest } from '../../src/pki/types.ts';
import { MemoryAccount } from './support/account.ts';
import { judgePackage, run, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';
import { startTsa, type Tsa } from './support/tsa.ts';

const TYPE = { 'content-type': 'application/timestamp-reply' };
const digest = createHash('sha256').update('contenuto').digest();
const plain = { username: null, password: null, anchors: [] };

const ask = (tsa: Tsa, more: object = {}) => requestTimestamp({ url: tsa.url, ...plain, ...more }, digest);

test('a stamp of a real authority is accepted by us and by openssl', async () => {
  const tsa = await startTsa();
  const anchors = pemDecodeAll(await readFile(tsa.caFile, 'utf8')).map(({ der }) => der);
  const stamp = await ask(tsa, { anchors, username: 'utente', password: 'parola' });
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'data'), 'contenuto');
  await writeFile(join(directory, 'token'), stamp.token);
  const token = ['-in', 'token', '-token_in', '-CAfile', tsa.caFile];
  await run('openssl', ['ts', '-verify', '-data', 'data', ...token], directory);
  expect(Math.abs(stamp.time - Date.now())).toBeLessThan(60_000);
  expect(tsa.requests[0]?.authorization).toBe(`Basic ${Buffer.from('utente:parola').toString('base64')}`);
  await writeFile(join(directory, 'query'), tsa.requests[0]?.body ?? '');
  const query = await run('openssl', ['ts', '-query', '-in', 'query', '-text'], directory);
  expect(query).toMatch(/Hash Algorithm: sha256/);
  expect(query).toMatch(/Nonce: 0x/);
  expect(query).toMatch(/Certificate required: yes/);
});

test('what is no good stamp is refused, with the reason', async () => {
  const tsa = await startTsa();
  const answerOtherQuery = (query: TimestampQuery) =>
    tsa.behave(async (_, response) => {
      response.writeHead(200, TYPE).end(await tsa.reply(Buffer.from(encodeTimestampQuery(query))));
    });
  const asked = () => {
    const request = tsa.requests.at(-1)?.body ?? Buffer.alloc(0);
    // The nonce: the last INTEGER of the query, before the BOOLEAN.
    return request.subarray(request.length - 11, request.length - 3);
  };

  answerOtherQuery({ digest, nonce: Buffer.from('4142434445464748', 'hex'), policy: null });
  await expect(ask(tsa)).rejects.toThrow(/nonce/);

  tsa.behave(async (_, response) => {
    const lying = encodeTimestampQuery({ digest: randomBytes(32), nonce: asked(), policy: null });
    response.writeHead(200, TYPE).end(await tsa.reply(Buffer.from(lying)));
  });
  await expect(ask(tsa)).rejects.toThrow(/another digest/);

  tsa.behave(async (request, response) => {
    const reply = await tsa.reply(request);
    const last = reply.length - 5;
    reply[last] = (reply[last] ?? 0) ^ 1;
    response.writeHead(200, TYPE).end(reply);
  });
  await expect(ask(tsa)).rejects.toThrow(/signature of the TSA is broken/);

  tsa.behave((_, response) => void response.writeHead(200, TYPE).end(Buffer.from('30053003020102', 'hex')));
  await expect(ask(tsa)).rejects.toThrow(/refused: rejected/);
  tsa.behave((_, response) => void response.writeHead(200, TYPE).end('garbage'));
  await expect(ask(tsa)).rejects.toThrow(/cannot be read/);
  tsa.behave((_, response) => void response.writeHead(200, TYPE).end());
  await expect(ask(tsa)).rejects.toThrow(/cannot be read/);
  tsa.behave((_, response) => void response.writeHead(401).end());
  await expect(ask(tsa)).rejects.toThrow(/HTTP status 401/);
  tsa.behave((_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
  await expect(ask(tsa)).rejects.toThrow(/text\/html/);
  tsa.behave((_, response) => void response.writeHead(200, TYPE).end(Buffer.alloc((1 << 20) + 1)));
  await expect(ask(tsa)).rejects.toThrow(/larger than/);
  tsa.behave(() => {});
  await expect(ask(tsa, { timeout: 200 })).rejects.toThrow(/no answer in time/);
  tsa.behave((_, response) => void response.destroy());
  await expect(ask(tsa)).rejects.toThrow(tsa.url);

  tsa.behave(null);
  const late = requestTimestamp({ url: tsa.url, ...plain }, digest, { now: () => Date.now() + 3_600_000 });
  await expect(late).rejects.toThrow(/the stamp says/);
  const other = await startTsa();
  const anchors = pemDecodeAll(await readFile(other.caFile, 'utf8')).map(({ der }) => der);
  await expect(ask(tsa, { anchors })).rejects.toThrow(/does not chain/);
  await expect(ask(tsa)).resolves.toBeDefined();
});

test('a package bears the stamp of the configured authority', async () => {
  const tsa = await startTsa();
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  account.add(ordinaryMessage(1));
  const service = await startService(directory, { timestamp: { url: tsa.url, caFile: tsa.caFile } });
  await service.watch(account.store);
  await service.drain(account.address);
  const [sealed] = await account.packages();
  const evidence = await account.evidenceDirectory(sealed?.packageId ?? 'none');
  await judgePackage(evidence, { timestampCa: tsa.caFile });
  await judgePackage(evidence);
  // The signature's own stamp, and the one over the batch.
  expect(tsa.requests).toHaveLength(2);
});

test('an authority that is down holds the queue back, no message pays for it, and the next try goes through', async () => {
  const tsa = await startTsa();
  tsa.behave((_, response) => void response.writeHead(503).end());
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  for (let i = 1; i <= 3; i++) account.add(ordinaryMessage(i));
  const service = await startService(directory, { timestamp: { url: tsa.url } });
  await service.watch(account.store);
  await expect(service.drain(account.address)).rejects.toThrow(/HTTP status 503/);
  expect(await account.packages()).toEqual([]);
  expect(account.failures).toEqual([]);
  expect((await account.queued(10)).map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
  tsa.behave(null);
  await service.drain(account.address);
  expect((await account.packages()).map(({ messages }) => messages.length)).toEqual([3]);
});

test('after a failure the service comes back by itself', async () => {
  const tsa = await startTsa();
  const recovered = Promise.withResolvers<void>();
  let failures = 0;
  tsa.behave((_, response) => {
    response.writeHead(500).end();
    if (++failures === 2) tsa.behave(null);
  });
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  account.add(ordinaryMessage(1));
  const service = await startService(
    directory,
    { timestamp: { url: tsa.url } },
    { times: { firstBackOff: 5 }, step: name => void (name === 'closed' && recovered.resolve()) },
  );
  await service.watch(account.store);
  await recovered.promise;
  expect(failures).toBe(2);
  expect(await account.packages()).toHaveLength(1);
});

/** A response to `query` signed by a certificate of our making; openssl would not sign with a wrong one. */
async function selfMade(query: TimestampQuery, request: Partial<CertificateRequest>): Promise<Uint8Array> {
  const pair = await issueCertificate({
    subject: { commonName: 'TSA' },
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 60_000),
    keyUsage: ['digitalSignature'],
    ...request,
  });
  const [key] = pemDecodeAll(pair.privateKeyPem);
  const info = sequence(
    integer(1),
    oid('1.2.3.4'),
    messageImprint(query.digest),
    integer(7),
    generalizedTime(Date.now()),
    integer(query.nonce),
  );
  const signing = { certificates: [pair.certificate], privateKey: key?.der ?? new Uint8Array() };
  return sequence(sequence(integer(0)), signAttached(signing, info, Date.now(), OID.tstInfo));
}

test('the certificate must be for time stamping alone, and valid', async () => {
  const query = timestampQuery(digest);
  const trust = { anchors: [], now: Date.now() };
  const judge = async (request: Partial<CertificateRequest>) =>
    checkTimestampResponse(await selfMade(query, request), query, trust);
  await expect(judge({ extendedKeyUsage: ['timeStamping'] })).resolves.toBeDefined();
  await expect(judge({ extendedKeyUsage: ['emailProtection'] })).rejects.toThrow(/extended key usage/);
  await expect(judge({})).rejects.toThrow(/extended key usage/);
  const past = { notBefore: new Date(Date.now() - 120_000), notAfter: new Date(Date.now() - 60_000) };
  await expect(judge({ extendedKeyUsage: ['timeStamping'], ...past })).rejects.toThrow(/not valid at the time/);
});

test('an answer cut short anywhere is refused', async () => {
  const query = timestampQuery(digest);
  const response = await selfMade(query, { extendedKeyUsage: ['timeStamping'] });
  const trust = { anchors: [], now: Date.now() };
  for (let length = 0; length < response.length; length++) {
    expect(() => checkTimestampResponse(response.subarray(0, length), query, trust)).toThrow(TimestampError);
  }
});

test('an answer with any one byte changed is refused, or is the same stamp', async () => {
  const query = timestampQuery(digest);
  const response = await selfMade(query, { extendedKeyUsage: ['timeStamping'] });
  const trust = { anchors: [], now: Date.now() };
  const { time } = checkTimestampResponse(response, query, trust);
  for (let at = 0; at < response.length; at++) {
    const changed = response.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    try {
      expect(checkTimestampResponse(changed, query, trust).time).toBe(time);
    } catch (error) {
      expect(error).toBeInstanceOf(TimestampError);
    }
  }
});
