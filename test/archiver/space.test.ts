/** Space at the provider: nothing is removed there unless its copy here has been read again and is the same. */
import { randomBytes } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImapFlow } from 'imapflow';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type FreeOptions, freeUpstream } from '../../src/archiver/free-upstream.ts';
import { createArchiver } from '../../src/archiver/index.ts';
import { configSchema } from '../../src/config/schema.ts';
import { importUpstream } from '../../src/import/import-upstream.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Account } from '../../src/store/accounts/types.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { ADDRESS, ARCHIVE, type Bench, bench } from '../store/support.ts';
import { connectImap } from '../support/clients.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { message } from './harness.ts';

const PASSWORD = 'segreta';
let dovecot: Dovecot;
let stage: Bench;
let client: ImapFlow;
const logger = pino({ level: 'silent' });
const account: Account = {
  address: ADDRESS,
  login: ADDRESS,
  plan: null,
  upstream: {
    kind: 'remote',
    name: 'gestore',
    imap: { host: '127.0.0.1', port: 1, tls: 'none' },
    smtp: null,
    sentFolder: null,
    submission: { maxRecipients: 500, maxSize: 1_000_000 },
  },
};

beforeAll(async () => {
  [dovecot, stage] = await Promise.all([startDovecot({ users: { [ADDRESS]: PASSWORD } }), bench()]);
  client = await connect();
});
afterAll(async () => {
  client.close();
  await stage.end();
  await dovecot.stop();
});

const connect = () => connectImap({ port: dovecot.imapPort, user: ADDRESS, password: PASSWORD });

async function deliver(name: string, flags: ('\\Seen' | '\\Flagged' | '\\Deleted')[] = ['\\Seen']): Promise<void> {
  await dovecot.deliver(ADDRESS, 'INBOX', message(name), { flags, internalDate: new Date('2026-03-01T10:00:00Z') });
}

function bringIn(options: { since?: string; before?: string; dryRun?: boolean } = {}) {
  return importUpstream(client, { account, store: stage.account }, [], {
    since: options.since === undefined ? null : Date.parse(options.since),
    before: options.before === undefined ? null : Date.parse(options.before),
    conserve: false,
    dryRun: options.dryRun ?? false,
    progress: () => {},
  });
}

function free(options: Partial<FreeOptions> = {}) {
  return freeUpstream(client, stage.account, ['INBOX'], {
    after: 'archived',
    keptBefore: null,
    receivedBefore: null,
    perDay: 1000,
    dryRun: false,
    actor: 'test',
    stopped: () => false,
    logger,
    ...options,
  });
}

/** Subjects upstream. */
async function upstream(): Promise<string[]> {
  const raws = await dovecot.stored(ADDRESS, 'INBOX');
  return raws.map(raw => /^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1] ?? '').sort();
}

async function uidOf(subject: string): Promise<number> {
  await client.mailboxOpen('INBOX', { readOnly: true });
  const found = await client.search({ subject }, { uid: true });
  return found ? (found[0] ?? 0) : 0;
}

async function place() {
  const mailbox = await client.mailboxOpen('INBOX', { readOnly: true });
  return { folder: 'INBOX', uidValidity: Number(mailbox.uidValidity) };
}

it('imports the days that are asked for, once, and knows their UIDs', async () => {
  for (const name of ['uno', 'due', 'tre']) await deliver(name);
  await dovecot.deliver(ADDRESS, 'INBOX', message('antico'), { internalDate: new Date('2020-01-01T00:00:00Z') });
  await dovecot.deliver(ADDRESS, 'Bozze', message('bozza'));
  await dovecot.deliver(ADDRESS, 'Posta inviata', message('spedito'));
  const days = { since: '2026-01-01' };
  expect(await bringIn({ ...days, dryRun: true })).toMatchObject({ messages: 4, imported: 4 });
  expect(await bringIn(days)).toMatchObject({ messages: 4, imported: 4, known: 0, failed: 0 });
  expect(await bringIn(days)).toMatchObject({ messages: 4, imported: 0, known: 4 });
  expect([...(await stage.account.knownUpstreamUids(await place()))]).toHaveLength(3);
  expect((await stage.account.status([ARCHIVE]))[0]?.messages).toBe(4);
});

it('a dry run removes nothing, a limit holds, a short time is not enough, no UIDPLUS is a refusal', async () => {
  expect(await free({ dryRun: true })).toMatchObject({ messages: 3, kept: [] });
  expect(await free({ keptBefore: Date.now() - 86_400_000 })).toMatchObject({ messages: 0 });
  expect(await free({ after: 'conserved' })).toMatchObject({ messages: 0 });
  expect(await free({ receivedBefore: Date.parse('2026-02-01') })).toMatchObject({ messages: 0 });
  const poor = await connect();
  poor.capabilities.delete('UIDPLUS');
  await expect(freeUpstream(poor, stage.account, ['INBOX'], { ...(await defaults()), logger })).rejects.toThrow(
    'UIDPLUS',
  );
  await poor.logout();
  expect(await upstream()).toEqual(['antico', 'due', 'tre', 'uno']);
  expect(await free({ perDay: 1 })).toMatchObject({ messages: 1 });
  expect(await free({ perDay: 1 })).toMatchObject({ messages: 0 });
  expect(await upstream()).toEqual(['antico', 'due', 'tre']);
});

async function defaults(): Promise<FreeOptions> {
  const always = { keptBefore: null, receivedBefore: null, perDay: 1000, dryRun: false };
  return { after: 'archived', ...always, actor: 'test', stopped: () => false };
}

it('other bytes, a copy that is gone, an unknown, an unread, a flagged message, and what others marked all stay', async () => {
  await deliver('non letto', []);
  await deliver('importante', ['\\Seen', '\\Flagged']);
  await deliver('cestinato da altri', ['\\Seen', '\\Deleted']);
  await deliver('tolto');
  await bringIn();
  await deliver('sconosciuto');
  const folder = await place();
  const [due] = await stage.account.upstreamMessages(folder, [await uidOf('due')]);
  // The record says of another UID that it is this message.
  await stage.account.knowUpstream(folder, [{ uid: await uidOf('tre'), message: due?.message ?? '' }]);
  const removed = await stage.account.search(ARCHIVE, { op: 'subject', needle: 'tolto' });
  await stage.account.remove(ARCHIVE, [...removed]);

  const before = (await stage.account.journalHead()).seq;
  const freed = await free();
  expect(freed).toMatchObject({
    messages: 1,
    kept: [{ uid: await uidOf('tre'), reason: expect.stringContaining('other bytes') }],
  });
  expect(await upstream()).toEqual(
    ['antico', 'cestinato da altri', 'importante', 'non letto', 'sconosciuto', 'tolto', 'tre'].sort(),
  );
  const [entry] = await stage.account.journal(before, 10);
  expect(entry).toMatchObject({ act: 'upstream-removal', actor: 'test' });
  expect(JSON.parse(entry?.detail ?? '{}')).toMatchObject({ folder: 'INBOX', uids: [due?.uid] });
  expect(await stage.account.upstreamMessages(folder, [due?.uid ?? 0])).toEqual([]);
});

it('the policy does it by itself once a message has been here long enough, and a dry run only says so', async () => {
  await deliver('per politica');
  const log: string[] = [];
  const policed = async (dryRun: boolean): Promise<void> => {
    const config = configSchema.parse({
      imap: { listen: [{ port: 0, tls: 'none' }] },
      upstreams: { gestore: {} },
      archive: { auto: { sent: false } },
      accounts: [{ address: ADDRESS, upstream: 'gestore', upstreamSpace: { after: 'archived', days: 30, dryRun } }],
    });
    if (account.upstream.kind !== 'remote') throw new Error('no upstream');
    const upstreams = new Map([
      ['gestore', { ...account.upstream, imap: { ...account.upstream.imap, port: dovecot.imapPort } }],
    ]);
    const vault = await openVault(stage.directory, {}, stage.store);
    await vault.remember(ADDRESS, PASSWORD);
    const archiver = createArchiver({
      directory: createAccountDirectory(config, stage.store, upstreams),
      vault,
      guard: createLoginGuard({ ttlMs: 60_000 }),
      config,
      logger: pino({ level: 'info' }, { write: line => void log.push(line) }),
    });
    await archiver.start();
    try {
      await archiver.catchUp(ADDRESS);
    } finally {
      await archiver.stop();
    }
  };
  await stage.account.setCursor({ ...(await place()), lastUid: (await uidOf('per politica')) - 1 });
  await policed(false);
  expect(await upstream()).toContain('per politica');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31 * 86_400_000 });
  try {
    await policed(true);
    expect(await upstream()).toContain('per politica');
    expect(log.join('')).toMatch(/"messages":1,.*"dryRun":true,"msg":"space upstream"/);
    await policed(false);
  } finally {
    vi.useRealTimers();
  }
  expect(await upstream()).not.toContain('per politica');
  expect(await upstream()).toContain('non letto');
});

it('a damaged copy keeps its original', async () => {
  await bringIn();
  await free();
  const before = await segmentLength();
  await dovecot.deliver(ADDRESS, 'INBOX', message('guasto', `${randomBytes(60_000).toString('base64')}\r\n`), {
    flags: ['\\Seen'],
  });
  await bringIn();
  const { path } = before;
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, before.length + 30_000);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, before.length + 30_000);
  await file.close();
  const { messages, kept } = await free();
  expect(messages).toBe(0);
  expect(kept).toContainEqual({
    folder: 'INBOX',
    uid: await uidOf('guasto'),
    reason: expect.stringMatching(/danneggiat/),
  });
  expect(await upstream()).toContain('guasto');
});

it('a folder with new UIDs loses nothing', async () => {
  await deliver('quattro');
  await bringIn();
  expect(await free({ dryRun: true })).toMatchObject({ messages: 1 });
  client.close();
  await dovecot.halt();
  await dovecot.renumber(ADDRESS, 'INBOX');
  await dovecot.resume();
  client = await connect();
  expect(await free()).toMatchObject({ messages: 0, kept: [] });
  expect(await upstream()).toContain('quattro');
});

async function segmentLength(): Promise<{ path: string; length: number }> {
  const directory = join(stage.account.directory, 'segments');
  const [name] = (await readdir(directory)).sort().slice(-1);
  const path = join(directory, name ?? '');
  return { path, length: (await stat(path)).size };
}
