import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConditionsOptions, lookAt } from '../../src/alerts/conditions.ts';
import { Notices } from '../../src/alerts/notices.ts';
import type { ArchiverState } from '../../src/archiver/state.ts';
import { configSchema } from '../../src/config/schema.ts';
import { createGenerator, createTestAuthorities } from '../../src/pec/generator/index.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Account } from '../../src/store/accounts/types.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, Origin, Store, View } from '../../src/store/types.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const ADDRESS = 'mario.rossi@pec.gestore-uno.example';
const HOUR = 3_600_000;
const STARTED = Date.parse('2026-05-06T08:00:00Z');

describe('conditions', () => {
  let data: TemporaryDirectory;
  let store: Store;
  let account: AccountStore;
  let notices: Notices;
  let options: ConditionsOptions;
  let state: ArchiverState | null;
  const who: Account = { address: ADDRESS, login: ADDRESS, upstream: { kind: 'local' }, plan: null };

  beforeEach(async () => {
    data = await temporaryDirectory('conditions');
    const { anchors } = await createTestAuthorities();
    store = await openStore(data.path, { threads: 1, prepareThreads: 1, anchors });
    account = await store.account(ADDRESS, { create: true });
    await account.createMailbox('INBOX');
    state = null;
    const config = configSchema.parse({
      imap: { listen: [{ port: 0, tls: 'none' }] },
      alerts: { accounts: { [ADDRESS]: { dailyAt: '18:30' } } },
    });
    // Without a channel, notices are as good as sent: the queue tells which ones there were.
    notices = new Notices(ADDRESS, account, { config: config.alerts, logger: pino({ level: 'silent' }) });
    options = {
      config: config.alerts,
      directory: createAccountDirectory(config, store, new Map()),
      vault: await openVault(data.path, {}, store),
      guard: createLoginGuard({ ttlMs: 60_000 }),
      archiverState: () => state,
      startedAt: STARTED,
    };
  });
  afterEach(async () => {
    await notices.stop();
    await store.close();
    await data.remove();
  });

  async function put(view: View, raw: Buffer, internalDate: number, direction: Origin['direction']): Promise<string> {
    const spool = await account.spool();
    await spool.write(raw);
    const filing = { flags: [], internalDate, origin: { direction, source: 'archiver' } };
    return (await account.file(view, spool, filing)).message;
  }
  const told = async (): Promise<string[]> => {
    const kept = await account.setting<{ queue: { id: string }[]; told: string[] }>('alerts.notices');
    return [...(kept?.told ?? []), ...(kept?.queue ?? []).map(({ id }) => id)].sort();
  };
  const look = (now: number) => lookAt(who, account, notices, options, now);
  const archiver = (status: ArchiverState['status'], lastRoundAt: number | null): void => {
    state = { address: ADDRESS, status, since: STARTED, lastRoundAt, reason: null };
  };

  it('a refused password is told once, and again after it was good', async () => {
    for (const status of ['refused', 'refused', 'connecting', 'refused', 'connected', 'refused'] as const) {
      archiver(status, STARTED);
      await look(STARTED + HOUR);
    }
    expect(await told()).toEqual(['password-refused:1', 'password-refused:2']);
  });

  it('an archiver that has seen nothing for long, also since the start', async () => {
    archiver('interrupted', null);
    await look(STARTED + 23 * HOUR);
    expect(await told()).toEqual([]);
    await look(STARTED + 25 * HOUR);
    archiver('connected', STARTED + 26 * HOUR);
    await look(STARTED + 27 * HOUR);
    await look(STARTED + 51 * HOUR);
    expect(await told()).toEqual(['archiver-silent:1', 'archiver-silent:2']);
  });

  it('a queue for conservation that does not move', async () => {
    const message = await put({ tree: 'archive' }, Buffer.from('Subject: x\r\n\r\nx\r\n'), STARTED, 'received');
    await account.queue([message]);
    await look(Date.now() + 23 * HOUR);
    expect(await told()).toEqual([]);
    await look(Date.now() + 25 * HOUR);
    expect(await told()).toEqual(['conservation-late:1']);
  });

  it('a sent message without a delivery receipt after 24 hours; not one that was delivered', async () => {
    const now = Date.now();
    const mailbox = { name: 'Mario Rossi', address: ADDRESS };
    const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 3, mailbox });
    const at = new Date(now);
    for (const subject of ['perso', 'arrivato']) {
      const { sent, accettazione, consegne } = generator.exchange({ at, subject });
      const receipts = [accettazione, ...(subject === 'perso' ? [] : consegne)];
      await put({ tree: 'archive' }, sent.raw, at.getTime(), 'sent');
      for (const receipt of receipts)
        if (receipt) await put({ tree: 'archive' }, receipt.raw, at.getTime(), 'received');
    }
    await look(now);
    expect(await told()).toEqual([]);
    await account.reviewWatched(now + 25 * HOUR);
    await look(now + 25 * HOUR);
    await look(now + 26 * HOUR);
    // The queue for conservation is empty, and the archiver unknown: nothing else is told.
    expect(await told()).toEqual([expect.stringMatching(/^undelivered:/)]);
  });

  it('the daily summary comes at its hour in Italy, once, and only of certified messages that are unread', async () => {
    const mailbox = { name: 'Mario Rossi', address: ADDRESS };
    const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 4, mailbox });
    const inbox = { tree: 'local', name: 'INBOX' } as const;
    const { accettazione } = generator.exchange();
    if (accettazione !== null) await put(inbox, accettazione.raw, STARTED, 'received');
    const at = (time: string) => Date.parse(`2026-05-${time}:00+02:00`);
    await look(at('06T18:31'));
    expect(await told()).toEqual([]);
    await put(inbox, generator.incoming({ subject: 'Da leggere' }).raw, STARTED, 'received');
    await look(at('06T18:40'));
    await look(at('07T18:29'));
    expect(await told()).toEqual([]);
    await look(at('07T18:30'));
    await look(at('07T23:00'));
    // Down at the hour: hours later nobody needs it any more.
    await look(at('08T22:00'));
    expect(await told()).toEqual(['unread:2026-05-07']);
  });
});
