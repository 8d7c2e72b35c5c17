import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSchema, type Upstream } from '../../src/config/schema.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { checkPassword, hashPassword } from '../../src/store/accounts/password.ts';
import type { Account } from '../../src/store/accounts/types.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { asStore, MemoryStore } from './memory-store.ts';

const remote: Upstream = {
  kind: 'remote',
  name: 'gestore',
  imap: { host: '127.0.0.1', port: 143, tls: 'none' },
  smtp: null,
  sentFolder: null,
  submission: { maxRecipients: 500, maxSize: 1000 },
};
const upstreams = new Map<string, Upstream>([
  ['gestore', remote],
  ['prova', { kind: 'local' }],
]);

let temporary: TemporaryDirectory;
beforeEach(async () => {
  temporary = await temporaryDirectory('accounts');
});
afterEach(() => temporary.remove());

function config(domains: Record<string, string> = { 'PEC.Example.it': 'gestore' }) {
  return configSchema.parse({
    imap: { listen: [{ port: 0, tls: 'none' }] },
    upstreams: { gestore: { preset: 'gestore' }, prova: { local: true } },
    domains,
    accounts: [
      { address: 'Studio@legal.example.it', login: 'M1234567', upstream: 'gestore', plan: 'gold' },
      { address: 'demo@pec.example.it', upstream: 'prova', passwordFile: join(temporary.path, 'password') },
    ],
  });
}

function found(account: Account | null): Account {
  if (account === null) throw new Error('not found');
  return account;
}

describe('account directory', () => {
  it('finds an account by address and by provider login, whatever the case', () => {
    const directory = createAccountDirectory(config(), asStore(new MemoryStore()), upstreams);
    const studio = found(directory.resolve('STUDIO@legal.example.it'));
    expect(studio).toEqual({ address: 'studio@legal.example.it', login: 'M1234567', upstream: remote, plan: 'gold' });
    expect(directory.resolve('m1234567')).toBe(studio);
    expect(directory.resolve('nobody@legal.example.it')).toBeNull();
    expect(directory.resolve('')).toBeNull();
  });

  it('makes an account out of a domain, and none out of what cannot be an address', () => {
    const directory = createAccountDirectory(config(), asStore(new MemoryStore()), upstreams);
    expect(directory.resolve('Mario.Rossi@pec.EXAMPLE.it')).toMatchObject({
      address: 'mario.rossi@pec.example.it',
      login: 'mario.rossi@pec.example.it',
      plan: null,
    });
    for (const name of ['@pec.example.it', 'a/../b@pec.example.it', 'a\0b@pec.example.it', 'a b@pec.example.it']) {
      expect(directory.resolve(name), JSON.stringify(name)).toBeNull();
    }
  });

  it('lists after a restart the accounts that logged in, though their domain has left the configuration', async () => {
    const store = new MemoryStore();
    const before = createAccountDirectory(config(), asStore(store), upstreams);
    await before.store(found(before.resolve('mario.rossi@pec.example.it')));
    expect((await before.all()).map(account => account.address).sort()).toEqual([
      'demo@pec.example.it',
      'mario.rossi@pec.example.it',
      'studio@legal.example.it',
    ]);

    const after = createAccountDirectory(config({}), asStore(store), upstreams);
    expect(after.resolve('mario.rossi@pec.example.it')).toBeNull();
    const all = await after.all();
    expect(all).toContainEqual({
      address: 'mario.rossi@pec.example.it',
      login: 'mario.rossi@pec.example.it',
      upstream: remote,
      plan: null,
    });
    expect(after.resolve('mario.rossi@pec.example.it')).not.toBeNull();
  });

  it('checks a local password, plain or hashed, and nobody else’s', async () => {
    const directory = createAccountDirectory(config(), asStore(new MemoryStore()), upstreams);
    const demo = found(directory.resolve('demo@pec.example.it'));
    for (const content of ['segreta è\n', await hashPassword('segreta è')]) {
      await writeFile(join(temporary.path, 'password'), content);
      expect(await directory.checkLocalPassword(demo, 'segreta è')).toBe(true);
      expect(await directory.checkLocalPassword(demo, 'segreta')).toBe(false);
      expect(await directory.checkLocalPassword(demo, '')).toBe(false);
    }
    await writeFile(join(temporary.path, 'password'), '');
    expect(await directory.checkLocalPassword(demo, '')).toBe(false);
    const studio = found(directory.resolve('studio@legal.example.it'));
    expect(await directory.checkLocalPassword(studio, 'segreta è')).toBe(false);
  });
});

describe('password hash', () => {
  it('differs each time and never takes its own text for the password', async () => {
    const [one, two] = await Promise.all([hashPassword('x'), hashPassword('x')]);
    expect(one).not.toBe(two);
    expect(await checkPassword(one, one)).toBe(false);
    expect(await checkPassword(two, 'x')).toBe(true);
  });

  it('refuses a damaged hash and parameters that would take the machine down', async () => {
    await expect(checkPassword('$scrypt$N=16384,r=8,p=1$AAAA', 'x')).rejects.toThrow('not a valid scrypt hash');
    const salt = Buffer.alloc(16).toString('base64');
    await expect(checkPassword(`$scrypt$N=67108864,r=8,p=1$${salt}$${salt}`, 'x')).rejects.toThrow('scrypt hash');
  });
});
