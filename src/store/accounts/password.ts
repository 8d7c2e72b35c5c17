import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** RFC 7914 parameters; 16 MiB of memory for one check, in libuv's pool. */
const COST = { N: 16_384, r: 8, p: 1 } as const;
const KEY_LENGTH = 32;

/** Upper bounds for parameters that come from a file. */
const MAX_N = 2 ** 20;
const MAX_RP = 64;

/** `$scrypt$N=16384,r=8,p=1$SALT$HASH`, salt and hash in base64: what may stand in a `passwordFile`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, KEY_LENGTH, COST);
  return `$scrypt$N=${COST.N},r=${COST.r},p=${COST.p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/**
 * Compares a password with a stored one, a scrypt hash or plain text, in a time that does not depend on either.
 * Throws when the stored value looks like a hash and is none.
 */
export async function checkPassword(stored: string, password: string): Promise<boolean> {
  if (!stored.startsWith('$scrypt$')) {
    const salt = randomBytes(16);
    const [expected, given] = await Promise.all([
      derive(stored, salt, KEY_LENGTH, COST),
      derive(password, salt, KEY_LENGTH, COST),
    ]);
    return timingSafeEqual(expected, given);
  }
  const { salt, hash, cost } = parse(stored);
  return timingSafeEqual(hash, await derive(password, salt, hash.length, cost));
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function parse(stored: string): { readonly salt: Buffer; readonly hash: Buffer; readonly cost: Cost } {
  const match = /^\$scrypt\$N=(\d{1,8}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(stored);
  const [N = 0, r = 0, p = 0] = (match ?? []).slice(1, 4).map(Number);
  const salt = Buffer.from(match?.[4] ?? '', 'base64');
  const hash = Buffer.from(match?.[5] ?? '', 'base64');
  const powerOfTwo = N > 1 && Number.isInteger(Math.log2(N));
  if (!powerOfTwo || N > MAX_N || r < 1 || p < 1 || r * p > MAX_RP || salt.length < 8 || hash.length < 16) {
    throw new Error('not a valid scrypt hash');
  }
  return { salt, hash, cost: { N, r, p } };
}

function derive(password: string, salt: Buffer, length: number, cost: Cost): Promise<Buffer> {
  const options: ScryptOptions = { ...cost, maxmem: 256 * cost.N * cost.r };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
