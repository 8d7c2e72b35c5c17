import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { type Archiver, createArchiver } from '../../src/archiver/index.ts';
import { configSchema, type Upstream } from '../../src/config/schema.ts';
import { createSubmissionListener } from '../../src/smtp/listener.ts';
import { createSubmissionState } from '../../src/smtp/state.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { type AccountStore, openStore } from '../../src/store/index.ts';
import { ANNA, MARIO, message as outgoing, RawClient } from '../smtp/harness.ts';
import { PASSWORD, startProvider } from '../smtp/provider.ts';
import { connectImap } from '../support/clients.ts';
import { startDovecot } from '../support/dovecot.ts';
import { eventually } from '../support/processes.ts';
import { temporaryDirectory } from '../support/temp.ts';
import { message } from './harness.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function contents(account: AccountStore): Promise<Buffer[]> {
  const view = { tree: 'archive' } as const;
  const { uids } = await account.open(view, { readOnly: true });
  const request = { columns: ['size', 'flags'], sections: [], markSeen: false } as const;
  const rows = await account.fetch(view, [...uids], request);
  return Promise.all(
    rows.map(async row => {
      expect(row.flags).toContain('\\Seen');
      return Buffer.from(await account.read(row.message, 0, row.size));
    }),
  );
}

it('first login by SMTP, sending, receiving, the client’s own copy, restart: each message once in the real store', async () => {
  const dovecot = await startDovecot({ users: { [MARIO]: PASSWORD } });
  closers.push(dovecot.stop);
  const provider = await startProvider({ login: MARIO });
  closers.push(provider.stop);
  const data = await temporaryDirectory('archive');
  closers.push(data.remove);

  const config = configSchema.parse({
    imap: { listen: [{ port: 0, tls: 'none' }] },
    upstreams: { gestore: { preset: 'gestore' } },
    domains: { 'pec.example.it': 'gestore' },
  });
  const upstream: Upstream = {
    kind: 'remote',
    name: 'gestore',
    imap: { host: '127.0.0.1', port: dovecot.imapPort, tls: 'none' },
    smtp: provider.remote,
    sentFolder: null,
    submission: { maxRecipients: 500, maxSize: 50_000_000 },
  };
  const logger = pino({ level: 'silent' });
  const open = async () => {
    const store = await openStore(data.path);
    const directory = createAccountDirectory(config, store, new Map([['gestore', upstream]]));
    const vault = await openVault(data.path, config.vault, store);
    const services = { config, directory, vault, guard: createLoginGuard({ ttlMs: 60_000 }), logger };
    const archiver: Archiver = createArchiver({ ...services, pollMs: 200 });
    await archiver.start();
    const submission = createSubmissionListener({
      ...services,
      ...createSubmissionState(logger),
      listener: { host: '127.0.0.1', port: 0, tls: 'none' },
      tls: {},
    });
    const port = await submission.listen();
    const close = async () => {
      await submission.close();
      await archiver.stop();
      await store.close();
    };
    closers.push(close);
    return { store, directory, archiver, port, close };
  };

  const first = await open();
  expect(await first.directory.all()).toEqual([]);
  const client = await RawClient.open(first.port);
  closers.push(() => client.close());
  expect(await client.logIn(MARIO, PASSWORD)).toMatch(/^235/);
  await first.archiver.catchUp(MARIO);
  const sent = outgoing({ To: `${ANNA}` }, `${'Allegato '.repeat(8)}\r\n`.repeat(5_000));
  expect(await client.deliver(sent, [ANNA])).toMatch(/^250/);

  const imap = await connectImap({ port: dovecot.imapPort, user: MARIO, password: PASSWORD });
  await imap.append('Posta inviata', Buffer.from(sent));
  await imap.logout();
  const received = message('ricevuto');
  await dovecot.deliver(MARIO, 'INBOX', received);
  const account = await first.store.account(MARIO);
  await eventually('the received message', async () => (await contents(account)).length === 2);
  await first.archiver.catchUp(MARIO);
  const expected = [Buffer.from(sent), received];
  expect(await contents(account)).toEqual(expected);
  client.close();
  await first.close();

  // Nobody logs in after the restart: the vault and the account's own memory are enough.
  const meanwhile = message('durante la pausa');
  await dovecot.deliver(MARIO, 'INBOX', meanwhile);
  const second = await open();
  expect((await second.directory.all()).map(({ address }) => address)).toEqual([MARIO]);
  const reopened = await second.store.account(MARIO);
  await eventually('the message of the pause', async () => (await contents(reopened)).length === 3);
  expect(await contents(reopened)).toEqual([...expected, meanwhile]);
});
