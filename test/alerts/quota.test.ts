import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withinArchivePlan } from '../../src/alerts/archive-room.ts';
import { QuotaAlerts } from '../../src/alerts/quota-alerts.ts';
import { configSchema } from '../../src/config/schema.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Account } from '../../src/store/accounts/types.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, Store, View } from '../../src/store/types.ts';
import { eventually } from '../support/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const ADDRESS = 'demo@pec.example.it';
const INBOX: View = { tree: 'local', name: 'INBOX' };
const ARCHIVE: View = { tree: 'archive' };
const LIMIT = 1000;

describe('space of a local mailbox', () => {
  let data: TemporaryDirectory;
  let store: Store;
  let account: AccountStore;
  let alerts: QuotaAlerts;
  const used = { Archivio: 0, Conservazione: 0 };
  const who: Account = { address: ADDRESS, login: ADDRESS, upstream: { kind: 'local' }, plan: 'p' };

  beforeEach(async () => {
    data = await temporaryDirectory('quota');
    store = await openStore(data.path, { threads: 1, prepareThreads: 1 });
    account = await store.account(ADDRESS, { create: true });
    await account.createMailbox('INBOX');
    Object.assign(used, { Archivio: 0, Conservazione: 0 });
    alerts = await start();
  });
  afterEach(async () => {
    await alerts.stop();
    await store.close();
    await data.remove();
  });

  async function start(): Promise<QuotaAlerts> {
    const config = configSchema.parse({ imap: { listen: [{ port: 0, tls: 'none' }] } });
    const made = new QuotaAlerts({
      config: config.alerts,
      directory: createAccountDirectory(config, store, new Map()),
      vault: await openVault(data.path, {}, store),
      guard: createLoginGuard({ ttlMs: 1_000 }),
      logger: pino({ level: 'silent' }),
      spaces: async () =>
        (['Archivio', 'Conservazione'] as const).map(name => ({ name, used: used[name], limit: LIMIT })),
      settleMs: 10,
      backoff: { first: 10, longest: 20 },
    });
    made.watch(who, account);
    return made;
  }
  async function subjects(): Promise<string[]> {
    const { uids } = await account.open(INBOX, { readOnly: true });
    const rows = await account.fetch(INBOX, [...uids], { columns: [], sections: [], markSeen: false });
    return Promise.all(rows.map(async ({ message }) => (await account.record(message)).structure.subject));
  }
  /** Fills both spaces so far, and lets the alerts look. */
  async function fill(archive: number, conservation = 0): Promise<void> {
    Object.assign(used, { Archivio: archive, Conservazione: conservation });
    const levels = [archive, conservation].map(octets => [100, 90, 70].find(level => octets >= level * 10) ?? 0);
    await alerts.noRoom(ADDRESS, 0);
    await eventually('the alerts to have looked', async () => {
      type Told = Record<string, { level: number } | undefined>;
      const told = await account.setting<Told>('alerts.quota');
      return [told?.Archivio?.level ?? 0, told?.Conservazione?.level ?? 0].join() === levels.join();
    });
  }

  it('is told once a threshold, and again after it fell and rose; what is known outlives a restart', async () => {
    await fill(650);
    await fill(750);
    await fill(850);
    await alerts.stop();
    alerts = await start();
    await fill(950, 1000);
    await fill(500, 1000);
    await fill(1000, 1000);
    expect(await subjects()).toEqual([
      'Archivia: archivio occupato oltre il 70 %',
      'Archivia: archivio occupato oltre il 90 %',
      'Archivia: spazio di conservazione pieno',
      'Archivia: archivio pieno',
    ]);
  });

  it('is full for the archiver when a message finds no room, until it would find some', async () => {
    await fill(800);
    const limited = withinArchivePlan(account, {
      fits: async octets => used.Archivio + octets <= LIMIT,
      needed: () => alerts.needed(account),
      noRoom: octets => alerts.noRoom(ADDRESS, octets),
    });
    const hold = async (octets: number) => {
      const spool = await limited.spool();
      await spool.write(Buffer.alloc(octets, 'x'));
      return limited.hold(ARCHIVE, spool, { flags: [], origin: { direction: 'received', source: 'archiver' } });
    };
    const small = await hold(150);
    // What is held and not filed yet counts.
    await expect(hold(100)).rejects.toMatchObject({ code: 'OVERQUOTA' });
    await limited.fileHeld(ARCHIVE, [small]);
    used.Archivio = 950;
    await eventually('the alert', async () => (await subjects()).at(-1) === 'Archivia: archivio pieno');
    await expect(limited.spool()).rejects.toMatchObject({ code: 'OVERQUOTA' });
    used.Archivio = 700;
    await hold(100);
    expect(await alerts.needed(account)).toBe(0);
  });
});
