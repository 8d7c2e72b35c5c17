/** `import` and `space` as they are typed, on a mailbox of a real upstream. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { openStore } from '../../src/store/index.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { plainMessage } from '../support/messages.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const ADDRESS = 'mario.rossi@pec.example.it';
const PASSWORD = 'segreta';
let directory: TemporaryDirectory;
let dovecot: Dovecot;
let config: string;

beforeAll(async () => {
  [directory, dovecot] = await Promise.all([
    temporaryDirectory('import'),
    startDovecot({ users: { [ADDRESS]: PASSWORD }, quota: '20M' }),
  ]);
  config = join(directory.path, 'archivia.yaml');
  const imap = `{ host: 127.0.0.1, port: ${dovecot.imapPort}, tls: none }`;
  await writeFile(
    config,
    `dataDir: data
imap: { listen: [{ host: 127.0.0.1, port: 0, tls: none }] }
upstreams: { prova: { imap: ${imap}, passwordDays: 90 } }
accounts: [{ address: ${ADDRESS}, upstream: prova }]
log: { level: silent }
`,
  );
  for (const day of ['2026-02-03', '2026-03-04']) {
    const date = new Date(`${day}T10:00:00Z`);
    const raw = plainMessage({ subject: day, date });
    await dovecot.deliver(ADDRESS, 'INBOX', raw, { flags: ['\\Seen'], internalDate: date });
  }
});
afterAll(async () => {
  await dovecot.stop();
  await directory.remove();
});

async function cli(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) };
  const code = await runCli([...argv, '--config', config], io);
  return { code, out: out.join(''), err: err.join('') };
}

async function json(...argv: string[]): Promise<unknown> {
  const { code, out, err } = await cli(...argv, '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}

test('wrong use is told, and a password that nobody has given', async () => {
  for (const argv of [
    ['import', ADDRESS],
    ['import', ADDRESS, config, '--upstream'],
    ['import', ADDRESS, config, '--folder', 'INBOX'],
    ['import', 'nessuno@altrove.example', config],
    ['import', ADDRESS, config, '--since', 'ieri'],
    ['space', '--delete', '--before', '2026-01-01'],
    ['space', ADDRESS, '--delete'],
    ['space', ADDRESS, '--before', '2026-01-01'],
  ]) {
    expect(await cli(...argv)).toMatchObject({ code: 2, out: '' });
  }
  const { code, err } = await cli('import', ADDRESS, '--upstream');
  expect(code).toBe(1);
  expect(err).toContain('log in once with a mail client');
});

describe('with the password of a login', () => {
  beforeAll(async () => {
    const dataDir = join(directory.path, 'data');
    const store = await openStore(dataDir);
    await (await openVault(dataDir, {}, store)).remember(ADDRESS, PASSWORD);
    await store.close();
  });

  test('from files and from the mailbox, in days', async () => {
    const folder = join(directory.path, 'posta');
    await mkdir(folder);
    await writeFile(join(folder, 'uno.eml'), plainMessage({ subject: 'da file', date: new Date('2024-05-06') }));
    const dry = { good: true, dryRun: true, messages: 1, imported: 1 };
    expect(await json('import', ADDRESS, folder, '--dry-run')).toMatchObject(dry);
    expect(await json('import', ADDRESS, folder)).toMatchObject({ ...dry, dryRun: false });
    const days = ['--since', '2026-02-01', '--before', '2026-03-01'];
    expect(await json('import', ADDRESS, '--upstream', ...days)).toMatchObject({ imported: 1 });
    expect((await cli('import', ADDRESS, '--upstream', '--folder', 'Manca')).err).toContain('no folder Manca');
    expect((await cli('import', ADDRESS, '--upstream')).out).toMatch(/^2 messages: 1 imported, 1 known before/);
  });

  test('space is told, freed at the provider, and freed here; without --yes nothing is', async () => {
    expect(await json('space', ADDRESS)).toMatchObject([
      { address: ADDRESS, archive: { messages: 3 }, upstream: { limit: 20 * 1024 * 1024 }, error: null },
    ]);
    const upstream = ['space', ADDRESS, '--upstream', '--folder', 'INBOX', '--before', '2026-03-01'];
    expect(await json(...upstream)).toMatchObject({ dryRun: true, messages: 1 });
    expect(await dovecot.stored(ADDRESS, 'INBOX')).toHaveLength(2);
    expect(await json(...upstream, '--yes')).toMatchObject({ dryRun: false, messages: 1, kept: [] });
    expect(await dovecot.stored(ADDRESS, 'INBOX')).toHaveLength(1);

    const here = ['space', ADDRESS, '--delete', '--before', '2025-01-01'];
    expect(await json(...here)).toMatchObject({ dryRun: true, messages: 1, kept: 0 });
    expect(await json(...here, '--yes')).toMatchObject({ messages: 1 });
    expect((await cli('space', ADDRESS)).out).toMatch(/^ {2}archive +2 messages/m);
  });

  test('space gives back to the disk what was deleted, and not what was deleted lately', async () => {
    const file = join(directory.path, 'grande.eml');
    const body = randomBytes(2_000_000).toString('base64').replace(/.{76}/g, '$&\r\n');
    await writeFile(file, plainMessage({ subject: 'grande', date: new Date('2020-02-03T10:00:00Z'), body }));
    await cli('import', ADDRESS, file);
    // The newest message of all stays, wherever it is.
    await writeFile(file, plainMessage({ subject: 'ultimo', date: new Date('2026-04-03T10:00:00Z') }));
    await cli('import', ADDRESS, file);
    await cli('space', ADDRESS, '--delete', '--before', '2021-01-01', '--yes');
    expect(await json('space', ADDRESS, '--compact')).toMatchObject([{ address: ADDRESS, freedBytes: 0 }]);
    const [freed] = (await json('space', '--compact', '--grace-days', '0')) as { freedBytes: number }[];
    expect(freed?.freedBytes).toBeGreaterThan(2_000_000);
    expect((await cli('space', ADDRESS, '--compact', '--delete')).code).toBe(2);
  });

  test('an account shows since when its password holds, and until when about', async () => {
    expect(await json('account', 'show', ADDRESS)).toMatchObject({
      password: { state: 'known', since: expect.any(String), expires: expect.any(String) },
    });
    await dovecot.addUser(ADDRESS, 'cambiata');
    const before = await dovecot.refusedLogins(ADDRESS);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect((await cli('import', ADDRESS, '--upstream')).err).toContain('refuses the password');
    }
    expect((await dovecot.refusedLogins(ADDRESS)) - before).toBe(1);
    expect((await cli('account', 'list')).out).toContain('the upstream refuses the password');
  });
});
