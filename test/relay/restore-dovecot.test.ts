/** A restore that a real upstream refuses halfway: all or none (RFC 3501 section 6.4.7), or it is told what there is. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { RawImap } from '../support/raw-imap.ts';
import { deliverByImap } from '../support/upstream-server.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';

const DATE = '"01-Jun-2026 10:00:00 +0200"';
const raw = (subject: string, size: number) =>
  Buffer.from(`Subject: ${subject}\r\nDate: Mon, 1 Jun 2026 10:00:00 +0200\r\n\r\n${'x'.repeat(size)}\r\n`);
const BASE = 'IMAP4rev1 SASL-IR LITERAL+ UNSELECT NAMESPACE MOVE IDLE';
const KINDS = [
  { name: 'with MULTIAPPEND', capability: `${BASE} UIDPLUS MULTIAPPEND`, left: 0, told: /^(?!.* copi[ae] )/ },
  { name: 'with UIDPLUS alone', capability: `${BASE} UIDPLUS`, left: 0, told: /non ne resta nessuna copia\.$/ },
  { name: 'with neither', capability: BASE, left: 2, told: /Copie che restano [^:]*: 2 \(messaggi: 3\)\.$/ },
];

let servers: { readonly dovecot: Dovecot; readonly proxy: RelayProxy }[] = [];
beforeAll(async () => {
  servers = await Promise.all(
    KINDS.map(async ({ capability }) => {
      const dovecot = await startDovecot({ capability, quota: '20K', users: { [USER]: 'segreta' } });
      return { dovecot, proxy: await startProxy(dovecot.imapPort) };
    }),
  );
});
afterAll(async () => {
  for (const { dovecot, proxy } of servers) {
    await proxy.close();
    await dovecot.stop();
  }
});

it.each(KINDS.map((kind, index) => ({ ...kind, index })))('$name', async ({ index, left, told }) => {
  const server = servers[index];
  if (server === undefined) throw new Error('not started');
  const { dovecot, proxy } = server;
  const bystander = raw('di un altro', 100);
  const login = { user: USER, password: 'segreta' };
  await deliverByImap(dovecot, login, 'Bozze', bystander, { flags: '(\\Deleted)' });
  const client = await RawImap.login(proxy.port, USER, 'segreta');
  const messages = ['uno', 'due', 'tre'].map(subject => raw(subject, 7_000));
  for (const message of messages) await client.append('Archivio', message, DATE);
  await client.ok('SELECT Archivio');
  const inBozze = async () =>
    (await dovecot.stored(USER, 'Bozze')).map(octets => /^Subject: (.*?)\r?$/m.exec(octets.toString())?.[1]).sort();

  const copy = await client.command('COPY 1:3 Bozze');
  expect(copy.line).toMatch(/ NO \[OVERQUOTA\] /);
  expect(copy.line).toMatch(told);
  // Nothing of what went on upstream concerns the view.
  expect(copy.untagged).toEqual([]);
  expect(await inBozze()).toEqual(['di un altro', 'due', 'uno'].slice(0, 1 + left));

  const move = await client.command('MOVE 1:3 Bozze');
  expect(move.line).toMatch(/ NO \[OVERQUOTA\] /);
  expect((await client.ok('SEARCH ALL')).raw.toString()).toContain('* SEARCH 1 2 3\r\n');

  // Both sides are as they were: what fits is copied, and the mailbox opens.
  if (left === 0) expect((await client.ok('COPY 1:2 Bozze')).line).toContain('COPYUID');
  expect((await client.ok('SELECT Bozze')).raw.toString()).toContain('* 3 EXISTS\r\n');
  client.close();
});
