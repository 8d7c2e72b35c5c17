/** The IMAP side of Archivia in this process, in front of one upstream. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll } from 'vitest';
import { configSchema, type RemoteConfig } from '../../src/config/schema.ts';
import type { ClientTimeouts } from '../../src/imap/autologout.ts';
import { createImapListener } from '../../src/imap/listener.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Account, AccountDirectory } from '../../src/store/accounts/types.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, Store } from '../../src/store/types.ts';

export interface RelayProxy {
  readonly port: number;
  readonly store: AccountStore;
  close(): Promise<void>;
}

export const USER = 'casella@pec.example.it';

/** All proxies of a test file share one store, whose threads start once; each has an account of its own in it. */
let shared: Promise<{ readonly directory: string; readonly store: Store }> | null = null;
let accounts = 0;
afterAll(async () => {
  if (shared === null) return;
  const { directory, store } = await shared;
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function openShared() {
  const directory = await mkdtemp(join(tmpdir(), 'archivia-relay-'));
  return { directory, store: await openStore(directory) };
}

/**
 * @param settings of the configuration; the account has the first of its plans
 * @param remote how the upstream is reached, where it is not in clear text
 */
export async function startProxy(
  upstreamPort: number,
  settings: Record<string, unknown> = {},
  remote: Partial<RemoteConfig> = {},
  timeouts?: ClientTimeouts,
): Promise<RelayProxy> {
  shared ??= openShared();
  const { directory, store } = await shared;
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
  const accountStore = await store.account(`${++accounts}.${USER}`, { create: true });
  const users: AccountDirectory = {
    resolve: login => (login === USER ? account : null),
    all: async () => [account],
    store: async () => accountStore,
    checkLocalPassword: async () => false,
  };
  const imap = createImapListener({
    listener,
    tls: {},
    directory: users,
    vault: { remember: async () => {}, recall: async () => null, forget: async () => {}, onRemembered: () => () => {} },
    guard: createLoginGuard({ ttlMs: 60_000 }),
    config,
    logger: pino({ level: 'silent' }),
    onLogin: () => {},
    onUpstreamFiled: () => {},
    timeouts,
  });
  const port = await imap.listen();
  return {
    port,
    store: accountStore,
    close: () => imap.close(),
  };
}
