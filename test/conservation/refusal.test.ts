import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scanMessage } from '../../src/mime/index.ts';
import { MemoryAccount, sha256 } from './support/account.ts';
import { run, startService, temporaryDirectory, validate } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

async function refused(options: object = {}) {
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  for (let i = 1; i <= 3; i++) account.add(ordinaryMessage(i));
  account.damage = (message, bytes) => (message === 'm2' ? bytes.subarray(1) : bytes);
  const service = await startService(directory, {}, options);
  await service.watch(account.store);
  for (let tries = 0; tries < 3; tries++) await service.drain(account.address).catch(() => {});
  return { directory, account, service };
}

function parts(raw: Buffer): Buffer[] {
  return scanMessage(raw).children.map(part =>
    Buffer.from(raw.toString('latin1', part.bodyStart, part.bodyEnd), 'base64'),
  );
}

test('after three tries a signed document says what was refused and why, and it is no RdV', async () => {
  const { directory, account } = await refused();
  // One report for the two that were conserved, one refusal for the third.
  expect(account.reports).toHaveLength(2);
  const refusal = account.reports[1] ?? Buffer.of();
  expect(String(refusal)).toMatch(/^Subject: \[Valutazione, senza valore legale\] Versamento rifiutato EVN-/m);
  const [text = Buffer.of(), signed = Buffer.of()] = parts(refusal);
  const words = text.toString('utf8');
  expect(words).toContain('Un messaggio NON è stato conservato.');
  expect(words).toContain('- Messaggio 2\r\n');
  expect(words).toContain('i suoi dati sono danneggiati');
  expect(words).toContain('Tentativi: 3');
  expect(words).toContain('Non è un rapporto di versamento');

  await writeFile(join(directory, 'esito.p7m'), signed);
  const [sealed] = await account.packages();
  const chain = join(directory, 'evidence', sealed?.packageId ?? '', 'firmatario.pem');
  const verify = ['cms', '-verify', '-cades', '-inform', 'DER', '-in', 'esito.p7m', '-CAfile', chain];
  await run('openssl', [...verify, '-out', 'esito.xml'], directory);
  await validate('EsitoVersamentoNegativo.xsd', join(directory, 'esito.xml'));
  const xml = await run('cat', [join(directory, 'esito.xml')]);
  expect(xml).toContain(`>${sha256(account.raw('m2'))}<`);
  expect(xml).toContain('<Esito>NEGATIVO</Esito>');
  expect(xml).not.toContain(sha256(account.raw('m1')));
  expect(account.failures.at(-1)).toMatchObject({ message: 'm2', refused: true });
});

test('a message is not refused before the document that says so lies in its place', async () => {
  class Stop extends Error {}
  const step = (name: string) => {
    if (name === 'refused') throw new Stop();
  };
  const { account, service } = await refused({ step });
  await service.stop();
  expect(account.reports).toHaveLength(2);
  expect(account.failures.some(({ refused: last }) => last)).toBe(false);
  expect(account.held.get('m2')).toMatchObject({ queued: true, attempts: 2 });
  const next = await startService(account.directory);
  await next.watch(account.store);
  await next.drain(account.address);
  expect(account.failures.at(-1)).toMatchObject({ refused: true });
});

test('before the third try nothing is refused', async () => {
  const directory = await temporaryDirectory();
  const account = new MemoryAccount(directory);
  account.add(ordinaryMessage(1));
  account.damage = (_, bytes) => bytes.subarray(1);
  const service = await startService(directory);
  await service.watch(account.store);
  await service.drain(account.address);
  await service.drain(account.address);
  expect(account.reports).toEqual([]);
  account.damage = null;
  await service.drain(account.address);
  expect(account.held.get('m1')?.conserved).not.toBeNull();
});
