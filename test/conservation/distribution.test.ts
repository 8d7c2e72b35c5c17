import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readEvidenceRecord, verifyEvidenceRecord } from '../../src/conservation/evidence/record.ts';
import { createDistributionPackage } from '../../src/conservation/index.ts';
import { checkTimestampToken } from '../../src/conservation/timestamp/response.ts';
import { createGenerator, createTestAuthorities, PEOPLE } from '../../src/pec/generator/index.ts';
import { StoreError } from '../../src/store/types.ts';
import { MemoryAccount, sha256 } from './support/account.ts';
import { failedInstructions, runInstructions, unzip } from './support/distribution.ts';
import { run, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

async function conserved(fill: (account: MemoryAccount) => void, conservation: object = {}) {
  const authorities = await createTestAuthorities();
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  fill(account);
  const service = await startService(directory, conservation, { anchors: [...authorities.anchors] });
  await service.watch(account.store);
  await service.drain(account.address);
  return { directory, account };
}

async function distribute(account: MemoryAccount, messages: string | readonly string[], name: string) {
  const zip = join(account.directory, `${name}.zip`);
  const extracted = join(account.directory, name);
  await createDistributionPackage(account.store, messages, createWriteStream(zip));
  await unzip(zip, extracted);
  return { zip, extracted };
}

test('a package of distribution proves itself by the commands it brings', async () => {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const pec = createGenerator({ authorities: await createTestAuthorities(), seed: 5, mailbox });
  const file = Buffer.from('contenuto di un atto');
  const attachments = [
    { filename: 'atto.txt', contentType: 'text/plain', base64: file.toString('base64') },
    { filename: '../fuori/..', contentType: 'text/plain', base64: 'eA==' },
  ];
  const { busta } = pec.exchange({ attachments });
  if (busta === null) throw new Error('no busta');
  const { account } = await conserved(account => {
    account.add(busta.raw);
    account.add(ordinaryMessage(1));
  });

  const { zip, extracted } = await distribute(account, 'm1', 'uno');
  expect(await runInstructions(extracted)).toBe(19);
  const [message = ''] = await readdir(join(extracted, 'messaggi'));
  expect((await readFile(join(extracted, 'messaggi', message))).equals(busta.raw)).toBe(true);
  const names = (await readdir(join(extracted, 'allegati'))).toSorted();
  expect(names[0]).toBe('001-atto.txt');
  expect(names).toHaveLength(2);
  expect((await readFile(join(extracted, 'allegati', '001-atto.txt'))).equals(file)).toBe(true);
  expect(await readdir(extracted)).toEqual(expect.arrayContaining(['PIndex.xml', 'RdV.xml.p7m', 'tsa.pem', 'xsd']));

  const again = await distribute(account, 'm1', 'due');
  expect((await readFile(again.zip)).equals(await readFile(zip))).toBe(true);
  expect((await readdir(account.directory)).filter(name => name.startsWith('.'))).toEqual([]);
  expect(await runInstructions((await distribute(account, 'm2', 'tre')).extracted)).toBe(18);

  await writeFile(join(extracted, 'messaggi', message), Buffer.concat([busta.raw, Buffer.from('x')]));
  await expect(runInstructions(extracted)).rejects.toThrow();
});

test('only what is conserved, and only as it was conserved', async () => {
  const { account } = await conserved(account => account.add(ordinaryMessage(1)));
  account.add(ordinaryMessage(2), { queued: false });
  const out = () => createWriteStream(join(account.directory, 'x.zip'));
  await expect(createDistributionPackage(account.store, 'm2', out())).rejects.toThrow(StoreError);
  account.damage = (_, bytes) => Buffer.from(bytes).fill(0x78, 20, 21);
  await expect(createDistributionPackage(account.store, 'm1', out())).rejects.toThrow(/not what was conserved/);
});

test('the proof of one message among many goes through the levels of the tree, and tells nothing of the others', async () => {
  const { account } = await conserved(account => {
    for (let i = 1; i <= 40; i++) account.add(ordinaryMessage(i, `contenuto riservato ${i}`));
  });
  const { extracted } = await distribute(account, 'm7', 'uno');
  await runInstructions(extracted);
  const own = sha256(account.raw('m7'));
  const levels = await readdir(join(extracted, 'prove', own));
  expect(levels.toSorted()).toEqual(['evidenza.ers', 'livello-1.bin', 'livello-2.bin']);
  const record = readEvidenceRecord(await readFile(join(extracted, 'prove', own, 'evidenza.ers')));
  const digest = createHash('sha256').update(account.raw('m7')).digest();
  const check = (token: Uint8Array, _: string, root: Uint8Array) => checkTimestampToken(token, root).time;
  expect(verifyEvidenceRecord(record, () => digest, check)).toHaveLength(1);
  const other = createHash('sha256').update(account.raw('m8')).digest();
  expect(() => verifyEvidenceRecord(record, () => other, check)).toThrow(/not in the reduced|another digest/);

  for (const name of await readdir(extracted, { recursive: true })) {
    const content = await readFile(join(extracted, name), 'latin1').catch(() => '');
    for (const number of [6, 8, 17, 40]) {
      expect(content).not.toContain(`Messaggio ${number}\n`);
      expect(content).not.toContain(`Messaggio ${number}<`);
      expect(content).not.toContain(`riservato ${number}`);
    }
  }

  // Nothing that is shown may be exchanged, and each thing is found out by its own command.
  const files = [
    'PIndex.xml',
    'RdV.xml.p7m',
    'albero.tsr',
    `prove/${own}/livello-2.bin`,
    `metadati/${own}.documento.xml`,
  ];
  for (const name of files) {
    const path = join(extracted, name);
    const good = await readFile(path);
    const changed = Buffer.from(good);
    const at = changed.length >> 1;
    changed[at] = (changed[at] ?? 0) ^ 1;
    await writeFile(path, changed);
    const failed = await failedInstructions(extracted);
    // The sums, and at least one that proves it without them.
    expect(failed.length).toBeGreaterThan(1);
    await writeFile(path, good);
  }
  expect(await failedInstructions(extracted)).toEqual([]);
});

test('messages of several packages go into one ZIP, each package a directory of its own', async () => {
  const { account } = await conserved(
    account => {
      for (let i = 1; i <= 5; i++) account.add(ordinaryMessage(i));
    },
    { batch: 2 },
  );
  const { extracted, zip } = await distribute(account, ['m1', 'm2', 'm4', 'm2'], 'vari');
  await runInstructions(extracted);
  const packages = await readdir(join(extracted, 'pacchetti'));
  expect(packages).toHaveLength(2);
  const found = await Promise.all(packages.map(name => readdir(join(extracted, 'pacchetti', name, 'messaggi'))));
  const wanted = ['m1', 'm2', 'm4'].map(message => `${sha256(account.raw(message))}.eml`);
  expect(found.flat().toSorted()).toEqual(wanted.toSorted());
  const again = await distribute(account, ['m1', 'm2', 'm4'], 'ancora');
  expect((await readFile(again.zip)).equals(await readFile(zip))).toBe(true);
});

test('the same package comes out the same in another time zone', async () => {
  const { account } = await conserved(account => account.add(ordinaryMessage(1)));
  const before = process.env.TZ;
  const made: Buffer[] = [];
  try {
    for (const zone of ['UTC', 'Asia/Tokyo', 'America/New_York']) {
      process.env.TZ = zone;
      made.push(await readFile((await distribute(account, 'm1', zone.replace('/', '-'))).zip));
    }
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
  expect(made[1]?.equals(made[0] as Buffer)).toBe(true);
  expect(made[2]?.equals(made[0] as Buffer)).toBe(true);
});

test('the page shows message, attachments, certificates and outcome, and runs nothing that mail brings', async () => {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const pec = createGenerator({ authorities: await createTestAuthorities(), seed: 6, mailbox });
  const subject = 'Atto <script>alert(1)</script> "e" \'altro\' & così';
  const attachments = [{ filename: 'a"><img src=x onerror=y>.txt', contentType: 'text/plain', base64: 'eA==' }];
  const { busta } = pec.exchange({ subject, attachments });
  if (busta === null) throw new Error('no busta');
  const { account } = await conserved(account => account.add(busta.raw));
  const { extracted } = await distribute(account, 'm1', 'pagina');
  const html = await readFile(join(extracted, 'indice.html'), 'utf8');
  expect(html).not.toMatch(/<script|<img|onerror=y>/i);
  expect(html).toContain('Atto &lt;script&gt;alert(1)&lt;/script&gt; &quot;e&quot; &#39;altro&#39; &amp; così');
  expect(html).toContain(sha256(busta.raw));
  expect(html).toContain('Firma del gestore valida');
  expect(html).toMatch(/Sulla firma<\/th><td>\d\d\/\d\d\/\d{4}/);
  expect(html).toContain('senza valore legale');
  expect(html).toContain("default-src 'none'");
  // Every link leads to a file of the package.
  const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, target = '']) => decodeURIComponent(target));
  expect(links.length).toBeGreaterThan(4);
  for (const target of links) expect((await stat(join(extracted, target))).isFile()).toBe(true);
  // A certificate of the gestore, as a file that openssl reads.
  const subjects = await run(
    'openssl',
    ['x509', '-in', `certificati/${sha256(busta.raw)}.pem`, '-noout', '-subject'],
    extracted,
  );
  expect(subjects).toMatch(/subject=/);
  await runInstructions(extracted);
});

test('evidence that was exchanged makes no package', async () => {
  const { account } = await conserved(account => account.add(ordinaryMessage(1)));
  const [sealed] = await account.packages();
  const evidence = await account.evidenceDirectory(sealed?.packageId ?? '');
  const path = join(evidence, 'metadati.zip');
  const bytes = await readFile(path);
  bytes[60] = (bytes[60] ?? 0) ^ 1;
  await writeFile(path, bytes);
  await expect(distribute(account, 'm1', 'no')).rejects.toThrow(/metadati\.zip.*not what was sealed/);
});
