import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDistributionPackage } from '../../src/conservation/index.ts';
import { createGenerator, createTestAuthorities, PEOPLE } from '../../src/pec/generator/index.ts';
import { StoreError } from '../../src/store/types.ts';
import { MemoryAccount } from './support/account.ts';
import { run, startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

async function conserved(fill: (account: MemoryAccount) => void) {
  const authorities = await createTestAuthorities();
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  fill(account);
  const service = await startService(directory, {}, { anchors: [...authorities.anchors] });
  await service.watch(account.store);
  await service.drain(account.address);
  return { directory, account };
}

async function distribute(account: MemoryAccount, message: string, name: string) {
  const zip = join(account.directory, `${name}.zip`);
  const extracted = join(account.directory, name);
  await createDistributionPackage(account.store, message, createWriteStream(zip));
  await mkdir(extracted);
  const program = 'import sys,zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])';
  await run('python3', ['-c', program, zip, extracted]);
  return { zip, extracted };
}

/** The commands of VERIFICA.txt, as they stand. */
async function runInstructions(extracted: string): Promise<number> {
  const text = await readFile(join(extracted, 'VERIFICA.txt'), 'utf8');
  const commands = text.split('\n').filter(line => line.startsWith('    '));
  for (const command of commands) await run('sh', ['-c', command], extracted);
  return commands.length;
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
  expect(await runInstructions(extracted)).toBe(8);
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
  expect(await runInstructions((await distribute(account, 'm2', 'tre')).extracted)).toBe(7);

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
