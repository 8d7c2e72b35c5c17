import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { restOfExchange } from '../../src/conservation/index.ts';
import { createGenerator, createTestAuthorities, PEOPLE } from '../../src/pec/generator/index.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, Filed, Store, View } from '../../src/store/types.ts';
import { runInstructions, unzip } from './support/distribution.ts';
import { later, run, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

const ADDRESS = 'studio@pec.example.it';
const INTAKE: View = { tree: 'intake' };
const ARCHIVE: View = { tree: 'archive' };
const CONSERVATION: View = { tree: 'conservation' };
const DISTRIBUTION: View = { tree: 'conservation', special: 'distribution' };

async function put(
  account: AccountStore,
  view: View,
  raw: string | Uint8Array,
  direction: 'unknown' | 'sent' = 'unknown',
): Promise<Filed> {
  const spool = await account.spool();
  await spool.write(Buffer.from(raw));
  return account.file(view, spool, { flags: [], origin: { direction, source: 'imap-append' } });
}

async function open(directory: string): Promise<{ store: Store; account: AccountStore }> {
  const store = await openStore(directory, { threads: 1, prepareThreads: 1 });
  later(() => store.close());
  return { store, account: await store.account(ADDRESS, { create: true }) };
}

/** UIDs of the conserved messages that are no reports. */
async function conservedUids(account: AccountStore): Promise<number[]> {
  const uids: number[] = [];
  for (const { view, selectable } of await account.listViews()) {
    if (view.tree !== 'conservation' || 'special' in view || view.category === undefined || !selectable) continue;
    uids.push(...(await account.open(view, { readOnly: true })).uids);
  }
  return uids.toSorted((a, b) => a - b);
}

/** Every message of the folder of packages, whole. */
async function packages(account: AccountStore): Promise<Buffer[]> {
  const { uids } = await account.open(DISTRIBUTION, { readOnly: true });
  const rows = await account.fetch(DISTRIBUTION, [...uids], { columns: ['size'], sections: [], markSeen: false });
  const messages: Buffer[] = [];
  for (const { message, size } of rows) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < size; at += 1 << 20) pieces.push(await account.read(message, at, 1 << 20));
    messages.push(Buffer.concat(pieces));
  }
  return messages;
}

/** What Python's mail reader makes of a message: subject, text, and the ZIP saved. */
async function readMail(
  raw: Buffer,
  directory: string,
): Promise<{ subject: string; text: string; zip: string | null }> {
  const program = [
    'import sys,json,email,email.policy',
    "m=email.message_from_bytes(open(sys.argv[1],'rb').read(),policy=email.policy.default)",
    'a=list(m.iter_attachments())',
    'z=None',
    "if a: z=sys.argv[1]+'.zip'; open(z,'wb').write(a[0].get_payload(decode=True))",
    "print(json.dumps({'subject':m['subject'],'text':m.get_body().get_content(),'zip':z,'type':a[0].get_content_type() if a else None}))",
  ].join('\n');
  const file = join(directory, `${Math.random()}.eml`);
  await writeFile(file, raw);
  return JSON.parse(await run('python3', ['-c', program, file]));
}

async function conserved(messages: readonly (string | Uint8Array)[]) {
  const directory = await temporaryDirectory();
  const { account, store } = await open(directory);
  for (const raw of messages) await put(account, INTAKE, raw);
  const service = await startService(directory);
  await service.watch(account);
  await service.drain(ADDRESS);
  return { directory, account, store, service };
}

test('copying conserved messages into the folder brings a new message with the package, which proves itself', async () => {
  const authorities = await createTestAuthorities();
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const pec = createGenerator({ authorities, seed: 11, mailbox });
  const { busta } = pec.exchange({ subject: 'Diffida e messa in mora, però' });
  if (busta === null) throw new Error('no busta');
  const { directory, account, service } = await conserved([busta.raw, ordinaryMessage(1), ordinaryMessage(2)]);
  const uids = await conservedUids(account);
  expect(uids).toHaveLength(3);

  const outcome = await account.copy(CONSERVATION, uids.slice(0, 1), DISTRIBUTION);
  expect(outcome).toMatchObject({ requested: true, pairs: [] });
  await service.drain(ADDRESS);
  const [first, ...none] = await packages(account);
  expect(none).toEqual([]);
  if (first === undefined) throw new Error('no package');
  const mail = await readMail(first, directory);
  expect(mail.subject).toBe(
    '[Valutazione, senza valore legale] Pacchetto di distribuzione: Diffida e messa in mora, però',
  );
  expect(mail.text).toContain('È allegato il pacchetto di distribuzione di un messaggio conservato');
  expect(mail).toMatchObject({ type: 'application/zip' });
  await unzip(mail.zip ?? '', join(directory, 'uno'));
  expect(await runInstructions(join(directory, 'uno'))).toBeGreaterThan(10);

  // All three as one request make one more; from the archive it is asked for in the same way.
  const { uids: archived } = await account.open(ARCHIVE, { readOnly: true });
  await account.copy(ARCHIVE, [...archived], DISTRIBUTION);
  await service.drain(ADDRESS);
  const all = await packages(account);
  expect(all).toHaveLength(2);
  const second = await readMail(all[1] ?? Buffer.of(), directory);
  expect(second.subject).toContain('Pacchetto di distribuzione: 3 messaggi');
  await unzip(second.zip ?? '', join(directory, 'tre'));
  await runInstructions(join(directory, 'tre'));
  expect(await account.distributionRequests()).toEqual([]);
});

test('what was sent is handed out with those of its receipts that are conserved', async () => {
  const authorities = await createTestAuthorities();
  const [mailbox, ...others] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const { directory, account, service } = await conserved([ordinaryMessage(1)]);
  const pec = createGenerator({ authorities, seed: 12, mailbox });
  const { sent, accettazione, consegne } = pec.exchange({ from: mailbox, to: others.slice(0, 2), subject: 'Recesso' });
  const [first, second] = consegne;
  if (accettazione === null || first === undefined || second === undefined) throw new Error('no receipts');
  const own = await put(account, INTAKE, sent.raw, 'sent');
  await put(account, INTAKE, accettazione.raw);
  await put(account, INTAKE, first.raw);
  const kept = await put(account, ARCHIVE, second.raw);
  await service.drain(ADDRESS);
  expect(await restOfExchange(account, own.message)).toHaveLength(2);
  expect(await restOfExchange(account, kept.message)).toHaveLength(3);

  const uids = await conservedUids(account);
  const rows = await account.fetch(CONSERVATION, uids, { columns: [], sections: [], markSeen: false });
  const uid = rows.find(({ message }) => message === own.message)?.uid ?? 0;
  await account.copy(CONSERVATION, [uid], DISTRIBUTION);
  await service.drain(ADDRESS);
  const [answer] = await packages(account);
  const mail = await readMail(answer ?? Buffer.of(), directory);
  expect(mail.subject).toContain('Pacchetto di distribuzione: 3 messaggi');
  expect(mail.text).toContain('Recesso');
});

test('what is not conserved is refused, all or nothing, and so is a package of packages', async () => {
  const { account, service } = await conserved([ordinaryMessage(1)]);
  const stray = await put(account, ARCHIVE, ordinaryMessage(2));
  const { uids } = await account.open(ARCHIVE, { readOnly: true });
  expect(uids).toHaveLength(2);
  const refused = { name: 'StoreError', code: 'CANNOT', message: expect.stringMatching(/conservat/) };
  await expect(account.copy(ARCHIVE, [stray.uid], DISTRIBUTION)).rejects.toMatchObject(refused);
  await expect(account.copy(ARCHIVE, [...uids], DISTRIBUTION)).rejects.toMatchObject(refused);
  const reports: View = { tree: 'conservation', special: 'reports' };
  const { uids: reportUids } = await account.open(reports, { readOnly: true });
  await expect(account.copy(reports, [...reportUids], DISTRIBUTION)).rejects.toMatchObject(refused);
  await expect(account.move(ARCHIVE, [...uids], DISTRIBUTION)).rejects.toMatchObject({ code: 'CANNOT' });
  expect(await account.distributionRequests()).toEqual([]);
  await service.drain(ADDRESS);
  expect(await packages(account)).toEqual([]);
  expect(await account.copy(ARCHIVE, [999], DISTRIBUTION)).toMatchObject({ requested: false, pairs: [] });
});

test('a request outlives the process, and stopped at any step it brings one message', async () => {
  class Stop extends Error {}
  const { directory, account, store, service } = await conserved([ordinaryMessage(1)]);
  await service.stop();
  await account.copy(CONSERVATION, await conservedUids(account), DISTRIBUTION);
  await store.close();
  await mkdir(join(account.directory, '.pdd-rimasto'));
  for (const last of ['package filed', 'distributed']) {
    const again = await open(directory);
    const stopped = await startService(
      directory,
      {},
      {
        step: name => {
          if (name === last) throw new Stop();
        },
      },
    );
    await stopped.watch(again.account);
    await stopped.drain(ADDRESS).catch(() => {});
    await stopped.stop();
    await again.store.close();
  }
  const after = await open(directory);
  const finished = await startService(directory);
  await finished.watch(after.account);
  await finished.drain(ADDRESS);
  expect(await packages(after.account)).toHaveLength(1);
  expect((await readdir(after.account.directory)).filter(name => name.startsWith('.'))).toEqual([]);
  expect(await after.account.distributionRequests()).toEqual([]);
});

test('a package that cannot be made says so in its place', async () => {
  const { directory, account, service } = await conserved([ordinaryMessage(1)]);
  const [sealed] = await account.packages();
  const path = join(await account.evidenceDirectory(sealed?.packageId ?? ''), 'RdV.xml');
  await writeFile(path, Buffer.concat([await readFile(path), Buffer.from(' ')]));
  await account.copy(CONSERVATION, await conservedUids(account), DISTRIBUTION);
  await service.drain(ADDRESS);
  const [answer] = await packages(account);
  const mail = await readMail(answer ?? Buffer.of(), directory);
  expect(mail).toMatchObject({ zip: null, subject: 'Pacchetto di distribuzione NON creato: Messaggio 1' });
  expect(mail.text).toContain('non risultano come quando furono conservati');
  expect(await account.distributionRequests()).toEqual([]);
});

test('more than a message can hold is refused at once, with the way out', async () => {
  const { account, service } = await conserved([ordinaryMessage(1)]);
  const uids = await conservedUids(account);
  const large = Buffer.alloc(151_000_000, 'riga di testo\r\n');
  const filed = await put(account, INTAKE, Buffer.concat([Buffer.from('Subject: grande\r\n\r\n'), large]));
  await service.drain(ADDRESS);
  expect((await account.record(filed.message)).conserved).not.toBeNull();
  const all = await conservedUids(account);
  expect(all.length).toBe(uids.length + 1);
  await expect(account.copy(CONSERVATION, all, DISTRIBUTION)).rejects.toMatchObject({
    code: 'CANNOT',
    message: expect.stringContaining('archivia dip'),
  });
}, 60_000);
