import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import {
  ConservationPool,
  createDistributionPackage,
  type ExportSummary,
  exportWorkplace,
  findExport,
  publishExport,
  removeExpiredExports,
  verifyEvidence,
  verifyJournal,
  writeExport,
} from '../../src/conservation/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, View } from '../../src/store/types.ts';
import { createWebServer } from '../../src/web/server.ts';
import { sha256 } from './support/account.ts';
import { runInstructions, unzip } from './support/distribution.ts';
import { later, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const ADDRESS = 'studio@pec.example.it';
const INTAKE: View = { tree: 'intake' };
const CONSERVATION: View = { tree: 'conservation' };
const REPORTS: View = { tree: 'conservation', special: 'reports' };
/** More than one package, and one of them with a renewed stamp and a renewed tree. */
const MESSAGES = 3;

async function open(directory: string): Promise<AccountStore> {
  const store = await openStore(directory, { threads: 1, prepareThreads: 1, readAttachments: false });
  later(() => store.close());
  return store.account(ADDRESS, { create: true });
}

async function conservedAccount(directory: string): Promise<AccountStore> {
  const store = await openStore(directory, { threads: 1, prepareThreads: 1, readAttachments: false });
  closeStore.push(() => store.close());
  const account = await store.account(ADDRESS, { create: true });
  const service = await startService(directory, { batch: 2 });
  for (let number = 1; number <= MESSAGES; number++) {
    const spool = await account.spool();
    await spool.write(Buffer.from(ordinaryMessage(number)));
    const origin = { direction: 'unknown', source: 'imap-append' } as const;
    await account.file(INTAKE, spool, { flags: [], internalDate: Date.UTC(2026, 5, number), origin });
  }
  await service.watch(account);
  await service.drain(ADDRESS);
  await service.renew(ADDRESS, { all: true });
  await service.renew(ADDRESS, { all: true, hashTree: true });
  await service.stop();
  return account;
}

let directory = '';
let account: AccountStore;
let path = '';
let summary: ExportSummary;
const closeStore: (() => Promise<void>)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archivia-export-'));
  account = await conservedAccount(directory);
  ({ path, summary } = await exported());
});

afterAll(async () => {
  for (const close of closeStore) await close();
  await rm(directory, { recursive: true, force: true });
});

async function exported() {
  const pool = new ConservationPool([]);
  try {
    const place = await exportWorkplace(directory, ADDRESS);
    return { ...place, summary: await writeExport(pool, account, place) };
  } finally {
    await pool.close();
  }
}

/** A ZIP with some of its entries replaced (by null: left out) or added. */
async function changed(from: string, to: string, entries: Readonly<Record<string, Uint8Array | null>>): Promise<void> {
  const source = await openPromise(from, { lazyEntries: true, autoClose: false });
  const zip = new ZipFile();
  const seen = new Set<string>();
  for await (const entry of source.eachEntry()) {
    const name = entry.fileName;
    seen.add(name);
    const replaced = entries[name];
    if (replaced === null) continue;
    const bytes = replaced ?? (await buffer(await source.openReadStreamPromise(entry)));
    zip.addBuffer(Buffer.from(bytes), name, { compress: false });
  }
  for (const [name, bytes] of Object.entries(entries)) {
    if (!seen.has(name) && bytes !== null) zip.addBuffer(Buffer.from(bytes), name);
  }
  zip.end();
  source.close();
  await pipeline(zip.outputStream, createWriteStream(to));
}

async function state(account: AccountStore) {
  const [intake, conservation, reports] = await account.status([INTAKE, CONSERVATION, REPORTS]);
  return { intake: intake?.messages, conservation: conservation?.messages, reports: reports?.messages };
}

test('what is exported is fetched by its link, and imported elsewhere with its proofs', async () => {
  expect(summary).toMatchObject({ packages: 2, messages: MESSAGES });
  const bytes = await readFile(path);
  // Made again, it has the same bytes.
  const again = await exported();
  expect(again.summary).toEqual(summary);
  expect((await readFile(path)).equals(bytes)).toBe(true);

  const extracted = join(await temporaryDirectory(), 'estratto');
  await unzip(path, extracted);
  const [one = ''] = await readdir(join(extracted, 'pacchetti'));
  await unzip(join(extracted, 'pacchetti', one), join(extracted, 'uno'));
  expect(await runInstructions(join(extracted, 'uno'))).toBeGreaterThan(20);

  // — the link —
  const note = { account: ADDRESS, name: 'conservati.zip', size: bytes.length, sha256: summary.sha256 };
  const copy = join(directory, 'exports', 'copia.zip');
  await writeFile(copy, bytes);
  const token = await publishExport(directory, copy, { ...note, expires: Date.now() + 60_000 });
  expect(JSON.stringify(await readdir(join(directory, 'exports')))).not.toContain(token);
  const fetched: string[] = [];
  const web = createWebServer({
    listener: { host: '127.0.0.1', port: 0, tls: 'none' },
    tls: { cert: '', key: '' },
    faults: async () => [],
    downloads: {
      find: text => findExport(directory, text, Date.now()),
      fetched: ({ name }) => fetched.push(name),
    },
  });
  const base = `http://127.0.0.1:${await web.listen()}/esportazioni/`;
  later(() => web.close());
  const whole = await fetch(base + token);
  expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
  expect(whole.headers.get('content-disposition')).toContain('conservati.zip');
  const range = await fetch(base + token, { headers: { range: 'bytes=10-19' } });
  expect([range.status, range.headers.get('content-range')]).toEqual([206, `bytes 10-19/${bytes.length}`]);
  expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(10, 20))).toBe(true);
  const tail = await fetch(base + token, { headers: { range: 'bytes=-5' } });
  expect(Buffer.from(await tail.arrayBuffer()).equals(bytes.subarray(-5))).toBe(true);
  const beyond = await fetch(base + token, { headers: { range: `bytes=${bytes.length}-` } });
  expect(beyond.status).toBe(416);
  for (const wrong of ['', 'x', `${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}`, '%2F..%2Fexports']) {
    const response = await fetch(base + wrong);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('non esiste o è scaduto');
  }
  expect((await fetch(base + token, { method: 'POST' })).status).toBe(405);
  expect(fetched).toEqual(Array.from({ length: 3 }, () => 'conservati.zip'));

  // — elsewhere —
  const other = await temporaryDirectory();
  const target = await open(other);
  const service = await startService(other);
  const { packages } = await service.importFile(target, path);
  expect(packages.map(({ messages, taken }) => [messages, taken])).toEqual([
    [2, true],
    [1, true],
  ]);
  // Two reports of old, and the notice of the import.
  expect(await state(target)).toEqual({ intake: 0, conservation: MESSAGES + 3, reports: 3 });
  expect((await target.packages()).map(({ packageId }) => packageId)).toEqual(
    (await account.packages()).map(({ packageId }) => packageId),
  );
  const handle = (await target.findBySha256(sha256(Buffer.from(ordinaryMessage(1))))) ?? '';
  expect((await target.record(handle)).internalDate).toBe(Date.UTC(2026, 5, 1));
  const before = (await account.findBySha256(sha256(Buffer.from(ordinaryMessage(1))))) ?? '';
  for (const [store, message, name] of [
    [account, before, 'prima.zip'],
    [target, handle, 'dopo.zip'],
  ] as const) {
    await createDistributionPackage(store, message, createWriteStream(join(other, name)));
  }
  expect((await readFile(join(other, 'dopo.zip'))).equals(await readFile(join(other, 'prima.zip')))).toBe(true);
  // Nothing twice.
  expect((await service.importFile(target, path)).packages.every(({ taken }) => !taken)).toBe(true);
  expect((await state(target)).reports).toBe(3);
  expect((await verifyEvidence(target)).faults).toEqual([]);
  expect((await verifyJournal(target)).faults).toEqual([]);
  await service.watch(target);
  expect(await service.renew(ADDRESS, { all: true })).toHaveLength(2);
  expect((await verifyEvidence(target)).faults).toEqual([]);
  expect((await target.journal(0, 100)).filter(({ act }) => act === 'imported')).toHaveLength(2);

  expect(await removeExpiredExports(directory, Date.now() + 120_000)).toBe(1);
  expect(await findExport(directory, token, Date.now())).toBeNull();
});

test('an import that was changed, is of another mailbox or is hostile leaves nothing behind', async () => {
  const extracted = join(await temporaryDirectory(), 'estratto');
  await unzip(path, extracted);
  const [name = ''] = (await readdir(join(extracted, 'pacchetti'))).toSorted();
  const inner = join(extracted, 'pacchetti', name);
  const files = join(extracted, 'interno');
  await unzip(inner, files);
  const [message = ''] = await readdir(join(files, 'messaggi'));
  const raw = await readFile(join(files, 'messaggi', message));
  const seal = await readFile(join(files, 'pacchetto.json'), 'utf8');
  const index = await readFile(join(files, 'PIndex.xml'), 'utf8');
  const token = await readFile(join(files, 'rinnovo-0001.json'), 'utf8');

  const other = await temporaryDirectory();
  const target = await open(other);
  const service = await startService(other);
  const forged = join(other, 'falso.zip');
  const refused = async (from: string, entries: Record<string, Uint8Array | null>, reason: RegExp) => {
    await changed(from, forged, entries);
    await expect(service.importFile(target, forged)).rejects.toThrow(reason);
  };
  const flipped = Buffer.from(raw);
  flipped[20] = (flipped[20] ?? 0) ^ 1;
  await refused(inner, { [`messaggi/${message}`]: flipped }, /is not what was conserved/);
  await refused(inner, { [`messaggi/${message}`]: null }, /is missing in the ZIP/);
  await refused(inner, { 'PIndex.xml': Buffer.from(index.replace('<', ' <')) }, /PIndex.xml: is not what was sealed/);
  await refused(
    inner,
    { 'rinnovo-0001.json': Buffer.from(token.replace('"token": "M', '"token": "N')) },
    /rinnovo|albero/,
  );
  await refused(
    inner,
    { 'pacchetto.json': Buffer.from(seal.replace('"RdV.xml"', '"../../RdV.xml"')) },
    /no package has/,
  );
  await refused(
    inner,
    { 'pacchetto.json': Buffer.from(seal.replace(ADDRESS, 'altri@pec.example.it')) },
    /of the mailbox altri/,
  );
  await refused(inner, { 'pacchetto.json': null }, /pacchetto.json is missing/);
  await refused(path, { 'pacchetti/PDA-altro.zip': Buffer.from('x') }, /not in the manifest/);
  await refused(
    path,
    { [`pacchetti/${name}`]: await readFile(inner).then(bytes => bytes.fill(0, bytes.length - 30)) },
    /not what the manifest says/,
  );
  await refused(inner, { 'vuoto.bin': Buffer.alloc(100_000_000) }, /far too large/);
  await writeFile(forged, 'nessuno ZIP');
  await expect(service.importFile(target, forged)).rejects.toThrow(/./);
  // Names that lead out of the ZIP, and twice the same one.
  const bytes = await readFile(inner);
  for (const [from, to, reason] of [
    ['VERIFICA.txt', '../RIFICA.txt', /invalid relative path/],
    ['indice.html', 'RdV.xml.p7m', /twice/],
  ] as const) {
    const same = Buffer.from(bytes.toString('latin1').replaceAll(from, to.slice(0, from.length)), 'latin1');
    await writeFile(forged, same);
    await expect(service.importFile(target, forged)).rejects.toThrow(reason);
  }
  expect(await state(target)).toEqual({ intake: 0, conservation: 0, reports: 0 });
  expect((await target.status([{ tree: 'archive' }]))[0]?.messages).toBe(0);
  expect((await readdir(target.directory)).filter(each => each.startsWith('.'))).toEqual([]);
  expect(await readdir(join(target.directory, 'evidence'))).toEqual([]);
}, 30_000);

test('an import stopped at any step is finished by the next one', async () => {
  const other = await temporaryDirectory();
  const extracted = join(other, 'estratto');
  await unzip(path, extracted);
  const [first] = await account.packages();
  const single = join(extracted, 'pacchetti', `${first?.packageId}.zip`);
  const target = await open(other);
  let stops = 0;
  for (let last = 1, done = false; !done; last++) {
    let steps = 0;
    const step = () => {
      if (++steps === last) throw new Error('stopped');
    };
    const service = await startService(other, {}, { step });
    done = await service.importFile(target, single).then(
      () => true,
      () => false,
    );
    if (!done) stops++;
    await service.stop();
  }
  expect(stops).toBeGreaterThan(3);
  expect((await target.packages()).flatMap(({ messages }) => messages)).toHaveLength(2);
  expect((await verifyEvidence(target)).faults).toEqual([]);
  expect((await verifyJournal(target)).faults).toEqual([]);
}, 30_000);

test('a package of distribution is archived with the proof that it brings, and conserved anew', async () => {
  const other = await temporaryDirectory();
  const target = await open(other);
  const service = await startService(other);
  const zip = join(other, 'pdd.zip');
  const raw = Buffer.from(ordinaryMessage(1));
  const handle = (await account.findBySha256(sha256(raw))) ?? '';
  await createDistributionPackage(account, handle, createWriteStream(zip));
  const forged = join(other, 'falso.zip');
  await changed(zip, forged, { 'RdV.xml': Buffer.from('<x/>') });
  await expect(service.importFile(target, forged)).rejects.toThrow(/RdV.xml is not what SHA256SUMS says/);
  const files = join(other, 'estratto');
  await unzip(zip, files);
  const record = await readFile(join(files, 'prove', sha256(raw), 'evidenza.ers'));
  // Its list of digests is made to fit.
  const broken = Buffer.from(record);
  broken[record.length - 10] = (record.at(-10) ?? 0) ^ 1;
  const sums = (await readFile(join(files, 'SHA256SUMS'), 'utf8')).replace(
    `${sha256(record)}  prove/${sha256(raw)}/`,
    `${sha256(broken)}  prove/${sha256(raw)}/`,
  );
  await changed(zip, forged, { [`prove/${sha256(raw)}/evidenza.ers`]: broken, SHA256SUMS: Buffer.from(sums) });
  await expect(service.importFile(target, forged)).rejects.toThrow(/evidenza.ers: /);
  expect((await target.status([{ tree: 'archive' }]))[0]?.messages).toBe(0);

  const { distribution } = await service.importFile(target, zip);
  expect(distribution?.messages).toEqual([sha256(raw)]);
  await service.importFile(target, zip);
  await service.watch(target);
  await service.drain(ADDRESS);
  // The message, the package that proved it, and the report of both.
  const [sealed, second] = await target.packages();
  expect([sealed?.messages.length, second]).toEqual([2, undefined]);
  const kept = await Promise.all((sealed?.messages ?? []).map(({ message }) => target.record(message)));
  expect(kept.map(({ structure }) => structure.subject)[1]).toContain('Pacchetto di distribuzione: Messaggio 1');
  expect((await target.status([{ tree: 'conservation', special: 'distribution' }]))[0]?.messages).toBe(1);
  expect((await verifyEvidence(target)).faults).toEqual([]);
  expect((await verifyJournal(target)).faults).toEqual([]);
}, 30_000);
