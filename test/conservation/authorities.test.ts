import { createHash, randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ConservationPool } from '../../src/conservation/threads/pool.ts';
import { createTimestampAuthority } from '../../src/conservation/timestamp/authority.ts';
import { encodeTimestampQuery } from '../../src/conservation/timestamp/request.ts';
import { describeTimestampToken } from '../../src/conservation/timestamp/response.ts';
import type { TimestampAuthority } from '../../src/conservation/types.ts';
import { later } from './support/environment.ts';
import { startTsa, type Tsa } from './support/tsa.ts';

const TYPE = { 'content-type': 'application/timestamp-reply' };
const digest = createHash('sha256').update('contenuto').digest();

async function authority(
  tsas: readonly (Tsa & { policy?: string; timeoutSeconds?: number })[],
  clock = { now: Date.now() },
) {
  const pool = new ConservationPool([]);
  later(() => pool.close());
  const config = tsas.map(({ url, caFile, policy, timeoutSeconds = 60 }) => ({ url, caFile, policy, timeoutSeconds }));
  const options = { now: () => clock.now, signal: new AbortController().signal, logger: pino({ level: 'silent' }) };
  const made: TimestampAuthority = await createTimestampAuthority(pool, config, options);
  return { made, clock };
}

/** The nonce of the last query: the INTEGER before the BOOLEAN. */
function nonceOf(request: Buffer): Uint8Array {
  return request.subarray(request.length - 11, request.length - 3);
}

const LIES: Readonly<Record<string, (tsa: Tsa) => void>> = {
  'is down': tsa => tsa.behave((_, response) => void response.writeHead(503).end()),
  'hangs up': tsa => tsa.behave((_, response) => void response.destroy()),
  'does not answer in time': tsa => tsa.behave(() => {}),
  refuses: tsa =>
    tsa.behave((_, response) => void response.writeHead(200, TYPE).end(Buffer.from('30053003020102', 'hex'))),
  'talks nonsense': tsa => tsa.behave((_, response) => void response.writeHead(200, TYPE).end('ciao')),
  'answers another nonce': tsa =>
    tsa.behave(async (_, response) => {
      const query = encodeTimestampQuery({ digest, nonce: Buffer.from('4142434445464748', 'hex'), policy: null });
      response.writeHead(200, TYPE).end(await tsa.reply(Buffer.from(query)));
    }),
  'stamps another digest': tsa =>
    tsa.behave(async (request, response) => {
      const query = encodeTimestampQuery({ digest: randomBytes(32), nonce: nonceOf(request), policy: null });
      response.writeHead(200, TYPE).end(await tsa.reply(Buffer.from(query)));
    }),
};

test.each(Object.entries(LIES))('when the first authority %s, the second is asked', async (_, lie) => {
  const [first, second] = [await startTsa(), await startTsa()];
  lie(first);
  const { made } = await authority([{ ...first, timeoutSeconds: 1 }, second]);
  const stamp = await made.stamp(digest);
  expect(second.requests).toHaveLength(1);
  expect(first.requests).toHaveLength(1);
  expect(stamp.certificates.length).toBeGreaterThan(1);
});

test('a stamp with the time of another hour is none', async () => {
  const stale = await startTsa();
  const { made, clock } = await authority([stale]);
  clock.now += 3_600_000;
  await expect(made.stamp(digest)).rejects.toThrow(/the stamp says/);
});

test('a stamp made under another policy than the one asked for is none', async () => {
  const [lying, honest] = [await startTsa(), await startTsa({ policy: '1.2.3.4.9' })];
  lying.behave(async (request, response) => {
    // It takes the query for one without a policy.
    const query = encodeTimestampQuery({ digest, nonce: nonceOf(request), policy: null });
    response.writeHead(200, TYPE).end(await lying.reply(Buffer.from(query)));
  });
  const wanted = [lying, honest].map(tsa => ({ ...tsa, policy: '1.2.3.4.9' }));
  const { made } = await authority(wanted);
  const stamp = await made.stamp(digest);
  expect(describeTimestampToken(stamp.token).policy).toBe('1.2.3.4.9');
  expect(honest.requests).toHaveLength(1);
  const alone = await authority(wanted.slice(0, 1));
  await expect(alone.made.stamp(digest)).rejects.toThrow(/under policy 1\.2\.3\.4\.1, asked was 1\.2\.3\.4\.9/);
});

test('an authority that failed is passed over for a while, and longer each time', async () => {
  const [first, second] = [await startTsa(), await startTsa()];
  first.behave((_, response) => void response.writeHead(500).end());
  const { made, clock } = await authority([first, second]);
  await made.stamp(digest);
  await made.stamp(digest);
  expect([first.requests.length, second.requests.length]).toEqual([1, 2]);
  const real = Date.now();
  clock.now = real + 31_000;
  await made.stamp(digest);
  expect([first.requests.length, second.requests.length]).toEqual([2, 3]);
  clock.now = real + 31_000 + 59_000;
  await made.stamp(digest);
  expect(first.requests).toHaveLength(2);
  first.behave(null);
  clock.now = real + 31_000 + 61_000;
  await made.stamp(digest);
  expect([first.requests.length, second.requests.length]).toEqual([3, 4]);
  // It is good again.
  await made.stamp(digest);
  expect(first.requests).toHaveLength(4);
});

test('when all fail, each is asked and each says why; one at rest is better than none', async () => {
  const [first, second] = [await startTsa(), await startTsa()];
  first.behave((_, response) => void response.writeHead(500).end());
  second.behave((_, response) => void response.writeHead(401).end());
  const { made } = await authority([first, second]);
  await expect(made.stamp(digest)).rejects.toThrow(/HTTP status 500; .*HTTP status 401/);
  second.behave(null);
  await made.stamp(digest);
  expect([first.requests.length, second.requests.length]).toEqual([2, 2]);
});

test.each([
  ['sha256', 32],
  ['sha512', 64],
] as const)('a digest of %s is stamped as such', async (name, length) => {
  const { made } = await authority([await startTsa()]);
  const value = createHash(name).update('contenuto').digest();
  expect(value).toHaveLength(length);
  const { token } = await made.stamp(value);
  expect(Buffer.from(token).includes(value)).toBe(true);
});
