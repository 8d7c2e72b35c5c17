import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openVault } from '../../src/store/accounts/vault.ts';
import { openKeyring } from '../../src/store/crypto/keyring.ts';
import { openStore } from '../../src/store/index.ts';
import { rekey } from '../../src/store/maintenance/rekey.ts';
import { segmentFiles } from './premises.ts';
import { ADDRESS, ARCHIVE, type Bench, bench, message, put, readAll } from './support.ts';

let b: Bench;
let file: (name: string) => string;
beforeEach(async () => {
  b = await bench();
  file = name => join(b.directory, name);
  await put(b.account, ARCHIVE, message('uno'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await b.end();
});

async function readable(keySource = {}): Promise<boolean> {
  const store = await openStore(b.directory, { keyring: await openKeyring(b.directory, keySource) });
  try {
    const account = await store.account(ADDRESS);
    const raw = await readAll(account, 'M1', 5000);
    return raw.equals(Buffer.from(message('uno')));
  } finally {
    await store.close();
  }
}

describe('the master key', () => {
  it('comes from a file, from a command or from the environment', async () => {
    await b.store.close();
    renameSync(file('master.key'), file('elsewhere'));
    expect(await readable({ keyFile: file('elsewhere') })).toBe(true);
    expect(await readable({ keyCommand: `cat '${file('elsewhere')}'` })).toBe(true);
    vi.stubEnv('ARCHIVIA_MASTER_KEY', readFileSync(file('elsewhere'), 'utf8').trim());
    expect(await readable()).toBe(true);
    expect(readdirSync(b.directory)).not.toContain('master.key');
  });

  it('is told by its source when it is wrong, absent or no key, and never made anew', async () => {
    await b.store.close();
    renameSync(file('master.key'), file('elsewhere'));
    writeFileSync(file('wrong'), randomBytes(32));
    await expect(openStore(b.directory)).rejects.toThrow('restore master.key, or give vault.keyFile, vault.keyCommand');
    await expect(openKeyring(b.directory, { keyFile: file('wrong') })).rejects.toThrow(
      `the master key in ${file('wrong')}`,
    );
    await expect(openKeyring(b.directory, { keyFile: file('nowhere') })).rejects.toThrow(
      `${file('nowhere')}, which should hold`,
    );
    await expect(openKeyring(b.directory, { keyCommand: 'exit 3' })).rejects.toThrow(
      'vault.keyCommand (exit 3) failed (3)',
    );
    await expect(openKeyring(b.directory, { keyCommand: 'echo segreto' })).rejects.toThrow('holds no master key');
    vi.stubEnv('ARCHIVIA_MASTER_KEY', randomBytes(32).toString('hex'));
    await expect(openStore(b.directory)).rejects.toThrow('the master key in ARCHIVIA_MASTER_KEY');
    vi.unstubAllEnvs();
    // Neither when the files that say so are gone as well.
    rmSync(file('vault.key'));
    rmSync(join(b.account.directory, 'account.key'));
    await expect(openStore(b.directory)).rejects.toThrow('no longer there');
    expect(readdirSync(b.directory)).not.toContain('master.key');
  });

  it('of an account that holds something is not made anew', async () => {
    await b.store.close();
    cpSync(join(b.account.directory, 'account.key'), file('kept'));
    rmSync(join(b.account.directory, 'account.key'));
    b.store = await openStore(b.directory);
    await expect(b.store.account(ADDRESS)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(b.store.account(ADDRESS, { create: true })).rejects.toThrow('Manca la chiave');
    cpSync(file('kept'), join(b.account.directory, 'account.key'));
    await b.store.account(ADDRESS);
  });
});

describe('rekey', () => {
  it('changes what opens the data and not the data', async () => {
    await (await openVault(b.directory, {}, b.store)).remember(ADDRESS, 'password');
    await b.store.close();
    const [segment = ''] = segmentFiles(b.directory);
    const octets = readFileSync(segment);
    const old = readFileSync(file('master.key'));
    const { master } = await openKeyring(b.directory);
    const outcome = await rekey({ dataDir: b.directory, master });
    expect(outcome).toMatchObject({ files: 2, keyFile: file('master.key'), configure: false });
    expect(readFileSync(file('master.key')).equals(old)).toBe(false);
    expect(readFileSync(segment).equals(octets)).toBe(true);
    expect(await readable()).toBe(true);
    b.store = await openStore(b.directory);
    expect(await (await openVault(b.directory, {}, b.store)).recall(ADDRESS)).toBe('password');
    await b.store.close();
    writeFileSync(file('old'), old);
    await expect(openKeyring(b.directory, { keyFile: file('old') })).rejects.toThrow('is not the one');
    expect(readdirSync(b.directory).filter(name => name.endsWith('.tmp') || name.endsWith('.new'))).toEqual([]);
  });

  it('goes to a key of the operator’s own', async () => {
    await b.store.close();
    const { master } = await openKeyring(b.directory);
    writeFileSync(file('own'), randomBytes(32).toString('hex'));
    expect(await rekey({ dataDir: b.directory, master, newKeyFile: file('own') })).toMatchObject({ configure: true });
    expect(await readable({ keyFile: file('own') })).toBe(true);
    await expect(openKeyring(b.directory)).rejects.toThrow('is not the one');
  });
});
