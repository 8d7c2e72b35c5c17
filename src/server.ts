/** Puts the layers together: one process, one data directory, all listeners. */
import type { Logger } from 'pino';
import { Alerts } from './alerts/index.ts';
import { type Archiver, createArchiver } from './archiver/index.ts';
import type { LoadedConfig } from './config/load.ts';
import { policyAccepts } from './conservation/index.ts';
import type { ConservationService } from './conservation/types.ts';
import { createImapListener } from './imap/listener.ts';
import { archiverDirectory, spacesOf } from './server/alerts.ts';
import { loadAnchors } from './server/anchors.ts';
import { Closers } from './server/closers.ts';
import { openConservation } from './server/conservation.ts';
import { countingGuard } from './server/counting-guard.ts';
import { lockDataDirectory } from './server/data-lock.ts';
import { openDownloads } from './server/downloads.ts';
import { listenFailure, StartError } from './server/errors.ts';
import { faultsOf } from './server/health.ts';
import { makeLocalMailboxes } from './server/local-mailboxes.ts';
import { readMetricsToken, ServerMetrics } from './server/metrics.ts';
import { Sampling } from './server/sampling.ts';
import { loadTls } from './server/tls.ts';
import { createSubmissionListener } from './smtp/listener.ts';
import { createSubmissionState } from './smtp/state.ts';
import { createAccountDirectory } from './store/accounts/directory.ts';
import { createLoginGuard } from './store/accounts/login-guard.ts';
import type { Account } from './store/accounts/types.ts';
import { openVault } from './store/accounts/vault.ts';
import { openKeyring } from './store/crypto/keyring.ts';
import { openStore } from './store/index.ts';
import type { AccountStore, Filed, Store } from './store/types.ts';
import { createWebServer } from './web/server.ts';

export interface RunningServer {
  /** In the order of the configuration. */
  readonly ports: { readonly imap: readonly number[]; readonly smtp: readonly number[]; readonly web: number | null };
  readonly store: Store;
  readonly conservation: ConservationService;
  readonly archiver: Archiver;
  readonly alerts: Alerts;
  /** Says goodbye to every client, lets running work finish within bounds and closes everything. */
  stop(): Promise<void>;
}

interface Listener {
  listen(): Promise<number>;
  close(): Promise<void>;
}

/** How long a refused password is refused without asking the provider again. */
const REFUSED_FOR = 10 * 60_000;
/** What one part of the server may take to stop, milliseconds. */
const STOP_LIMIT = 5_000;

/**
 * Starts the server and logs one line `"msg":"ready"` with its ports once every listener accepts. Rejects with a
 * StartError (or what the failing part threw) after closing again whatever had been opened.
 */
export async function startServer(loaded: LoadedConfig, { logger }: { logger: Logger }): Promise<RunningServer> {
  const closers = new Closers(logger);
  try {
    return await start(loaded, logger, closers);
  } catch (error) {
    await closers.closeAll(STOP_LIMIT);
    throw error;
  }
}

async function start({ config, upstreams }: LoadedConfig, logger: Logger, closers: Closers): Promise<RunningServer> {
  const release = await lockDataDirectory(config.dataDir);
  closers.push('data directory', async () => release());
  const tls = await loadTls(config, logger);
  const keyring = await openKeyring(config.dataDir, config.vault).catch((error: Error) => {
    throw new StartError(error.message);
  });
  const store = await openStore(config.dataDir, {
    logger,
    keyring,
    anchors: await loadAnchors(config.conservation.gestoriCaFile),
    expiringDays: config.archive.expiringDays,
  });
  closers.push('store', () => store.close());
  const vault = await openVault(config.dataDir, config.vault, store, keyring);
  const directory = createAccountDirectory(config, store, upstreams);
  await makeLocalMailboxes(directory);
  const guard = createLoginGuard({ ttlMs: REFUSED_FOR });

  const conservation = await openConservation(config, logger);
  closers.push('conservation', () => conservation.stop());
  const watched = new Set<string>();
  const watch = async (account: AccountStore): Promise<void> => {
    if (watched.has(account.address)) return;
    watched.add(account.address);
    try {
      await conservation.watch(account);
    } catch (error) {
      watched.delete(account.address);
      throw error;
    }
  };
  for (const address of await store.addresses()) {
    // One account that cannot be opened is no reason to keep the others out.
    await store
      .account(address)
      .then(watch)
      .catch(error => logger.error({ err: error, account: address }, 'account cannot be opened'));
  }

  const queueByPolicy = async (account: AccountStore, filed: Filed): Promise<void> => {
    const record = await account.record(filed.message);
    if (record.conserved !== null || !policyAccepts(config.conservation.policy, record)) return;
    await watch(account);
    await account.queue([filed.message]);
  };
  const metrics = new ServerMetrics();
  closers.push('metrics', async () => metrics.close());
  const submission = createSubmissionState(logger, async (account, filed) => {
    await queueByPolicy(account, filed);
    metrics.archived();
  });
  for (const address of await store.addresses()) {
    await store
      .account(address)
      .then(account => submission.sendings.repair(account))
      .catch(error => logger.error({ err: error, account: address }, 'what was being sent cannot be settled'));
  }
  const alerts = new Alerts({
    config: config.alerts,
    directory,
    vault,
    guard,
    logger,
    spaces: (account, opened) => spacesOf(config, account, opened),
    archiverStates: () => archiver.states(),
  });
  const onArchived = async (account: AccountStore, filed: Filed): Promise<void> => {
    await queueByPolicy(account, filed);
    await submission.sendings.witness(account, filed);
    await alerts.archived(account, filed);
    metrics.archived();
  };
  const withinPlans = archiverDirectory(config, directory, alerts);
  const archiver = createArchiver({ directory: withinPlans, vault, guard, config, logger, onArchived });
  closers.push('alerts', () => alerts.stop());
  closers.push('archiver', () => archiver.stop());
  const alertAbout = (account: Account | null): void => {
    if (account === null) return;
    directory
      .store(account)
      .then(opened => alerts.watch(account, opened))
      .catch(error => logger.error({ err: error, account: account.address }, 'no alerts for the account'));
  };
  const onDisk = new Set(await store.addresses());
  for (const account of await directory.all()) if (onDisk.has(account.address)) alertAbout(account);
  vault.onRemembered(address => alertAbout(directory.resolve(address)));

  const onLogin = (account: Parameters<typeof directory.store>[0]): void => {
    directory
      .store(account)
      .then(watch)
      .catch(error => logger.error({ err: error, account: account.address }, 'conservation cannot watch the account'));
  };
  const open = async (kind: string, { host, port }: { host: string; port: number }, listener: Listener) => {
    const actual = await listener.listen().catch(error => {
      throw listenFailure(kind, host, port, error);
    });
    closers.push(`${kind} ${host}:${actual}`, () => listener.close());
    return actual;
  };

  const guardOf = (protocol: 'imap' | 'smtp') => countingGuard(guard, outcome => metrics.login(protocol, outcome));
  const imap: number[] = [];
  for (const listener of config.imap.listen) {
    const onUpstreamFiled = (account: { address: string }) => archiver.nudge(account.address);
    const onCrowded = (account: { address: string }) => archiver.yield(account.address);
    const services = { directory, vault, guard: guardOf('imap'), config, logger, onLogin, onUpstreamFiled, onCrowded };
    const opened = createImapListener({ ...services, listener, tls });
    metrics.listener('imap', opened);
    imap.push(await open('imap', listener, opened));
  }
  const smtp: number[] = [];
  for (const listener of config.smtp?.listen ?? []) {
    const services = { directory, vault, guard: guardOf('smtp'), config, logger, ...submission };
    const opened = createSubmissionListener({ ...services, listener, tls });
    metrics.listener('smtp', opened);
    smtp.push(await open('smtp', listener, opened));
  }
  let accepting = true;
  const downloads = openDownloads(config.dataDir, store, logger);
  closers.push('downloads', async () => downloads.close());
  const sampling = new Sampling({ config, directory, store, logger });
  const sources = {
    sampling,
    silentMs: config.alerts.silentHours * 3_600_000,
    archiverStates: () => archiver.states(),
    failingNotices: () => alerts.failing(),
  };
  const web =
    config.web === undefined
      ? null
      : await open(
          'web',
          config.web.listen,
          createWebServer({
            listener: config.web.listen,
            tls,
            faults: async () => (accepting ? faultsOf(config.dataDir, sampling) : ['the server is being stopped']),
            downloads: downloads.service,
            metrics: {
              token: await readMetricsToken(config.web),
              collect: () => metrics.collect(sources),
            },
          }),
        );

  await archiver.start();
  const ports = { imap, smtp, web };
  logger.info({ ports, dataDir: config.dataDir }, 'ready');
  return {
    ports,
    store,
    conservation,
    archiver,
    alerts,
    stop: () => {
      accepting = false;
      return closers.closeAll(STOP_LIMIT);
    },
  };
}
