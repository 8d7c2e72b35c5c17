/** The IMAP side of Archivia in this process, in front of one upstream. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { configSchema, type RemoteConfig } from '../../src/config/schema.ts';
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

/**
 * @param settings of the configuration; the account has the first of its plans
 * @param remote how the upstream is reached, where it is not in clear text
 */
export async function startProxy(
  upstreamPort: number,
  settings: Record<string, unknown> = {},
  remote: Partial<RemoteConfig> = {},
): Promise<RelayProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'archivia-relay-'));
  const store = await openStore(directory);
  const listener = { host: '127.0.0.1', port: 0, tls: 'none' as const };
  const config = configSchema.parse({ dataDir: directory, imap: { listen: [listener] }, ...settings });
  const account: Account = {
    address: USER,
    login: USER,
    plan: Object.keys(config.plans)[0] ?? null,
    upstream: {
      kind: 'remote',
      name: 'scripted',
      imap: { host: '127.0.0.1', port: upstreamPort, tls: 'none', ...remote },
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
  const imap = createImapListener({
    listener,
    tls: {},
    directory: accounts,
    vault: { remember: async () => {}, recall: async () => null, forget: async () => {}, onRemembered: () => () => {} },
    guard: createLoginGuard({ ttlMs: 60_000 }),
    config,
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
