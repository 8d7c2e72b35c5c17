/** The IMAP side of Archivia in this process, in front of one upstream. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { configSchema } from '../../src/config/schema.ts';
import { createImapListener } from '../../src/imap/listener.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Account, AccountDirectory } from '../../src/store/accounts/types.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore } from '../../src/store/types.ts';

export interface RelayProxy {
  readonly port: number;
  readonly store: AccountStore;
  close(): Promise<void>;
}

export const USER = 'casella@pec.example.it';

export async function startProxy(upstreamPort: number): Promise<RelayProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'archivia-relay-'));
  const store = await openStore(directory);
  const account: Account = {
    address: USER,
    login: USER,
    plan: null,
    upstream: {
      kind: 'remote',
      name: 'scripted',
      imap: { host: '127.0.0.1', port: upstreamPort, tls: 'none' },
      smtp: null,
      sentFolder: null,
      submission: { maxRecipients: 500, maxSize: 1_000_000 },
    },
  };
  const accountStore = await store.account(USER, { create: true });
  const accounts: AccountDirectory = {
    resolve: login => (login === USER ? account : null),
    all: async () => [account],
    store: async () => accountStore,
    checkLocalPassword: async () => false,
  };
  const listener = { host: '127.0.0.1', port: 0, tls: 'none' as const };
  const imap = createImapListener({
    listener,
    tls: {},
    directory: accounts,
    vault: { remember: async () => {}, recall: async () => null, forget: async () => {}, onRemembered: () => () => {} },
    guard: createLoginGuard({ ttlMs: 60_000 }),
    config: configSchema.parse({ dataDir: directory, imap: { listen: [listener] } }),
    logger: pino({ level: 'silent' }),
    onLogin: () => {},
    onUpstreamFiled: () => {},
  });
  const port = await imap.listen();
  return {
    port,
    store: accountStore,
    close: async () => {
      await imap.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
