import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createGenerator,
  createTestAuthorities,
  type GeneratedMessage,
  type TestAuthorities,
} from '../../src/pec/generator/index.ts';
import { type AccountStore, type Filed, openStore, type Store, type View } from '../../src/store/index.ts';
import { dump, rebuild, withDatabase } from './premises.ts';
import { ADDRESS, ARCHIVE, conserveAll, INTAKE, put } from './support.ts';

type PecGenerator = ReturnType<typeof createGenerator>;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PENDING: View = { tree: 'watch', special: 'pending' };
const UNDELIVERED: View = { tree: 'watch', special: 'undelivered' };
const EXPIRING: View = { tree: 'watch', special: 'expiring' };

let authorities: TestAuthorities;
let ending: TestAuthorities;
beforeAll(async () => {
  authorities = await createTestAuthorities();
  // The gestori's present certificates end in two months.
  ending = await createTestAuthorities({ now: new Date(Date.now() - 305 * DAY) });
});

let directory: string;
let store: Store;
let account: AccountStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-exchange-'));
  await open();
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function open(options: { expiringDays?: number } = {}): Promise<void> {
  const anchors = [...authorities.anchors, ...ending.anchors];
  store = await openStore(directory, { threads: 1, prepareThreads: 1, anchors, ...options });
  account = await store.account(ADDRESS, { create: true });
}

function generator(made = authorities, seed = 5): PecGenerator {
  const mailbox = { name: 'Mario Rossi', address: ADDRESS };
  return createGenerator({ authorities: made, seed, mailbox });
}

function file({ raw, direction, internalDate }: GeneratedMessage): Promise<Filed> {
  return put(account, ARCHIVE, raw, {
    internalDate: internalDate.getTime(),
    origin: { direction, source: 'archiver' },
  });
}

async function uids(view: View): Promise<number[]> {
  return [...(await account.open(view, { readOnly: true })).uids];
}

async function messages(view: View): Promise<string[]> {
  const rows = await account.fetch(view, await uids(view), { columns: [], sections: [], markSeen: false });
  return rows.map(({ message }) => message);
}

const just = (): Date => new Date(Date.now() - 60_000);

describe('views under watch', () => {
  it('follow a message from sending to delivery, whatever comes first', async () => {
    const made = generator();
    const [studio, bianchi] = made.others;
    if (!studio || !bianchi) throw new Error('nobody');
    const exchange = made.exchange({ at: just(), to: [studio, bianchi] });
    const [first, second] = exchange.consegne;
    if (!exchange.accettazione || !first || !second) throw new Error('not delivered');
    await file(first);
    const sent = await file(exchange.sent);
    // A delivery to one of two tells that it was accepted, too.
    expect(await messages(PENDING)).toEqual([sent.message]);
    await file(exchange.accettazione);
    const before = await account.open(PENDING, { readOnly: true });
    expect(await messages(PENDING)).toEqual([sent.message]);
    expect(await account.exchange(sent.message)).toMatchObject({
      sent: sent.message,
      state: 'waiting',
      acceptance: 'accepted',
      recipients: [
        { address: studio.address, state: 'delivered' },
        { address: bianchi.address, state: 'waiting' },
      ],
    });
    const last = await file(second);
    expect(await messages(PENDING)).toEqual([]);
    expect(await account.changes(PENDING, before.highestModseq)).toMatchObject({
      vanished: [...before.uids],
      added: [],
    });
    expect(await account.exchange(last.message)).toMatchObject({ sent: sent.message, state: 'delivered' });
    expect(await messages(UNDELIVERED)).toEqual([]);
    const [status] = await account.status([PENDING]);
    expect(status).toMatchObject({ messages: 0, unseen: 0, size: 0, uidNext: before.uidNext });
  });

  it('shows what failed at once, and what is overdue after a day until it is delivered', async () => {
    const made = generator();
    const exchanges = [made.exchange({ at: just(), deliveries: ['no-mailbox'] }), made.exchange({ at: just() })];
    const sent: Filed[] = [];
    for (const { sent: copy, accettazione, avvisi } of exchanges) {
      sent.push(await file(copy));
      if (accettazione) await file(accettazione);
      for (const avviso of avvisi) await file(avviso);
    }
    const [failed, late] = sent;
    expect(await messages(UNDELIVERED)).toEqual([failed?.message]);
    expect((await account.status([UNDELIVERED]))[0]).toMatchObject({ messages: 1, unseen: 1 });
    expect(await messages(PENDING)).toEqual([late?.message]);
    await account.reviewWatched(Date.now() + DAY - HOUR);
    expect(await messages(PENDING)).toEqual([late?.message]);
    await account.reviewWatched(Date.now() + DAY + HOUR);
    expect(await messages(PENDING)).toEqual([]);
    // Younger in the view, whatever its age in the archive.
    expect(await messages(UNDELIVERED)).toEqual([failed?.message, late?.message]);
    const [consegna] = exchanges[1]?.consegne ?? [];
    if (consegna) await file(consegna);
    expect(await messages(UNDELIVERED)).toEqual([failed?.message]);
  });

  it('is not deceived by a receipt that somebody else signed', async () => {
    const strangers = await createTestAuthorities({ now: new Date(Date.now() - DAY) });
    const at = just();
    const genuine = generator().exchange({ at });
    const forged = generator(strangers).exchange({ at });
    if (!genuine.accettazione) throw new Error('refused');
    const sent = await file(genuine.sent);
    await file(genuine.accettazione);
    for (const receipt of forged.consegne) await file(receipt);
    expect(await messages(PENDING)).toEqual([sent.message]);
    const told = await account.exchange(sent.message);
    expect(told).toMatchObject({ state: 'waiting' });
    expect(told?.receipts.map(({ kind, counts }) => [kind, counts])).toEqual([
      ['accettazione', true],
      ['avvenuta-consegna', false],
    ]);
  });

  it('keeps exchanges apart whose keys have the same short hash', async () => {
    const made = generator();
    const sent: Filed[] = [];
    for (const { sent: copy, accettazione, consegne } of [
      made.exchange({ at: just() }),
      made.exchange({ at: just() }),
    ]) {
      sent.push(await file(copy));
      for (const receipt of [...(accettazione ? [accettazione] : []), ...consegne]) await file(receipt);
    }
    const told = async () => Promise.all(sent.map(({ message }) => account.exchange(message)));
    const before = await told();
    expect(before.map(exchange => exchange?.receipts.length)).toEqual([2, 2]);
    await store.close();
    await withDatabase(directory, db => db.exec('UPDATE exchange_part SET msgid = 1, identificativo = 2'));
    await open();
    expect(await told()).toEqual(before);
  });

  it('leaves mail of an ordinary mailbox and old mail without receipts alone', async () => {
    const made = generator();
    const ordinary = made.exchange({ at: just() });
    await file(ordinary.sent);
    expect(await messages(PENDING)).toEqual([]);
    await account.reviewWatched(Date.now() + 2 * DAY);
    expect(await messages(UNDELIVERED)).toEqual([]);
    const old = made.exchange({ at: new Date(Date.now() - 300 * DAY) });
    const fresh = made.exchange({ at: just() });
    if (fresh.accettazione) await file(fresh.accettazione);
    await file(old.sent);
    await account.reviewWatched(Date.now() + 2 * DAY);
    expect([...(await messages(PENDING)), ...(await messages(UNDELIVERED))]).toEqual([]);
  });

  it('shows what is to be conserved before its certificate ends, until it is', async () => {
    const late = await file(generator(ending).incoming({ at: just() }));
    const good = await file(generator().incoming({ at: just() }));
    expect(await messages(EXPIRING)).toEqual([late.message]);
    await store.close();
    await open({ expiringDays: 400 });
    await account.reviewWatched();
    expect(await messages(EXPIRING)).toEqual([late.message, good.message]);
    const { pairs } = await account.copy(EXPIRING, (await uids(EXPIRING)).slice(0, 1), INTAKE);
    expect(pairs).toHaveLength(1);
    await conserveAll(account, 'p1');
    expect(await messages(EXPIRING)).toEqual([good.message]);
    // Too late.
    await account.reviewWatched(Date.now() + 400 * DAY);
    expect(await messages(EXPIRING)).toEqual([]);
  });

  it('lets nothing in or out by command, and loses what leaves Archivio', async () => {
    const made = generator();
    const exchange = made.exchange({ at: just(), deliveries: ['virus'] });
    const sent = await file(exchange.sent);
    for (const avviso of exchange.avvisi) await file(avviso);
    const own = await uids(UNDELIVERED);
    const delete_ = { action: 'add', flags: ['\\Deleted'] } as const;
    const cannot = { code: 'CANNOT' };
    await expect(account.copy(ARCHIVE, [sent.uid], PENDING)).rejects.toMatchObject(cannot);
    await expect(put(account, PENDING, exchange.sent.raw)).rejects.toMatchObject(cannot);
    await expect(account.storeFlags(UNDELIVERED, own, delete_)).rejects.toMatchObject(cannot);
    await expect(account.move(UNDELIVERED, own, INTAKE)).rejects.toMatchObject(cannot);
    await expect(account.expunge(UNDELIVERED, own)).rejects.toMatchObject(cannot);
    await expect(account.remove(UNDELIVERED, own)).rejects.toMatchObject(cannot);
    await account.storeFlags(ARCHIVE, [sent.uid], delete_);
    await account.expunge(ARCHIVE, [sent.uid]);
    expect(await messages(UNDELIVERED)).toEqual([]);
  });
});

it('keeps the outcome of the signature, in words and as a keyword, and rebuild makes it all again', async () => {
  const made = generator();
  const exchange = made.exchange({ at: just() });
  if (!exchange.accettazione) throw new Error('refused');
  const good = await file(exchange.accettazione);
  const broken = await put(
    account,
    ARCHIVE,
    exchange.accettazione.raw.toString('latin1').replace('accettato', 'accettata'),
  );
  const sent = await file(exchange.sent);
  const rows = await account.fetch(ARCHIVE, [good.uid, broken.uid, sent.uid], {
    columns: ['flags'],
    sections: [],
    markSeen: false,
  });
  expect(rows.map(({ flags }) => flags.filter(flag => flag.startsWith('$')))).toEqual([
    ['$FirmaValida'],
    ['$FirmaNonValida'],
    [],
  ]);
  expect((await account.record(good.message)).signature).toMatchObject({ status: 'valid', reasons: [] });
  expect((await account.record(broken.message)).signature).toMatchObject({
    status: 'broken',
    reasons: ['Il contenuto del messaggio è stato modificato dopo la firma.'],
  });
  expect((await account.record(sent.message)).signature).toBeNull();
  const told = await account.exchange(sent.message);
  await store.close();
  const before = await withDatabase(directory, db => dump(db, ['segment', 'ledger']));
  const { Preparing } = await import('../../src/store/ingest/preparing.ts');
  const preparing = new Preparing(1, null, authorities.anchors);
  await rebuild(directory, { preparing, force: true }).finally(() => preparing.close());
  expect(await withDatabase(directory, db => dump(db, ['segment', 'ledger']))).toEqual(before);
  await open();
  await account.reviewWatched();
  expect(await account.exchange(sent.message)).toEqual(told);
  expect(await messages(PENDING)).toEqual([sent.message]);
});
