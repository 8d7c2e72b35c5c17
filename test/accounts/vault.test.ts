import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openVault } from '../../src/store/accounts/vault.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { asStore, MemoryStore } from './memory-store.ts';

const MARIO = 'mario.rossi@pec.example.it';
const ANNA = 'anna.bianchi@pec.example.it';

let temporary: TemporaryDirectory;
let store: MemoryStore;
beforeEach(async () => {
  temporary = await temporaryDirectory('vault');
  store = new MemoryStore();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await temporary.remove();
});

const open = (keyFile?: string) => openVault(temporary.path, { keyFile }, asStore(store));
const file = (name: string) => join(temporary.path, name);

function account(address: string) {
  const found = store.accounts.get(address);
  if (found === undefined) throw new Error(`no ${address}`);
  return found;
}

describe('vault', () => {
  it('makes its key once, for our eyes only, and gives passwords back after a restart', async () => {
    const vault = await open();
    expect(await vault.recall(MARIO)).toBeNull();
    expect(store.accounts.size).toBe(0);
    await vault.remember('Mario.Rossi@PEC.example.it', 'pässword');
    expect((await stat(file('master.key'))).mode & 0o777).toBe(0o600);
    expect(account(MARIO).rawSettings()).not.toContain('pässword');

    const again = await open();
    expect(await again.recall(MARIO)).toBe('pässword');
    await again.forget(MARIO);
    expect(await again.recall(MARIO)).toBeNull();
    await again.forget('nobody@pec.example.it');
    expect(store.accounts.has('nobody@pec.example.it')).toBe(false);
  });

  it('binds a sealed password to its address and its every bit', async () => {
    const vault = await open();
    await vault.remember(MARIO, 'one');
    await vault.remember(ANNA, 'two');
    const sealed = (await account(MARIO).setting<string>('vault')) ?? '';
    await account(ANNA).setSetting('vault', sealed);
    expect(await vault.recall(ANNA)).toBeNull();
    const bytes = Buffer.from(sealed.slice(3), 'base64');
    bytes.writeUInt8(bytes.readUInt8(14) ^ 1, 14);
    await account(MARIO).setSetting('vault', `v1.${bytes.toString('base64')}`);
    expect(await vault.recall(MARIO)).toBeNull();
  });

  it('never uses a nonce twice, and writes nothing when the password is the same', async () => {
    const vault = await open();
    const heard: string[] = [];
    vault.onRemembered(address => heard.push(address));
    const seen = new Set<string>();
    for (const password of ['a', 'b', 'a', 'b']) {
      await vault.remember(MARIO, password);
      seen.add(((await account(MARIO).setting<string>('vault')) ?? '').slice(3, 19));
    }
    expect(seen.size).toBe(4);
    const before = account(MARIO).rawSettings();
    await vault.remember(MARIO, 'b');
    expect(account(MARIO).rawSettings()).toBe(before);
    expect(heard).toEqual(Array(5).fill(MARIO));
  });

  it('takes the key from a file or from the environment, raw, base64 or hex', async () => {
    const key = randomBytes(32);
    await writeFile(file('key'), key);
    await (await open(file('key'))).remember(MARIO, 'one');
    await writeFile(file('key'), key.toString('hex'));
    expect(await (await open(file('key'))).recall(MARIO)).toBe('one');
    vi.stubEnv('ARCHIVIA_MASTER_KEY', key.toString('base64'));
    expect(await (await open()).recall(MARIO)).toBe('one');
    await expect(readFile(file('master.key'))).rejects.toThrow('ENOENT');
    vi.stubEnv('ARCHIVIA_MASTER_KEY', 'short');
    await expect(open()).rejects.toThrow('ARCHIVIA_MASTER_KEY holds no master key');
  });

  it('tells a wrong key and a lost key at the start', async () => {
    await open();
    await writeFile(file('other'), randomBytes(32).toString('base64'));
    await expect(open(file('other'))).rejects.toThrow('is not the one that the data in');
    await rm(file('master.key'));
    await expect(open()).rejects.toThrow('no longer there');
    await expect(readFile(file('master.key'))).rejects.toThrow('ENOENT');
  });
});
