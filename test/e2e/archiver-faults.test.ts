/** What providers, networks and machines do while the archiver catches up: nothing lost, nothing twice. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gate, openGate } from '../archiver/gate.ts';
import { type Archivia, startArchivia } from '../support/archivia.ts';
import { connectImap } from '../support/clients.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { PASSWORD, sources, USER } from './stage.ts';

let dovecot: Dovecot;
let gate: Gate;
let archivia: Archivia;
/** Digests of everything that has to be in the archive. */
const expected = new Set<string>();

beforeAll(async () => {
  dovecot = await startDovecot({ users: { [USER]: PASSWORD }, userSessions: 2 });
  gate = await openGate(dovecot.imapPort);
  archivia = await startArchivia({
    dovecot: { imapPort: gate.port, imapsPort: null, caFile: null },
    conservation: { policy: { incoming: 'none' } },
  });
  await (await login()).logout();
  await logged('connected');
  await deliver('il primo');
  await archived();
});
afterAll(async () => {
  await archivia?.stop();
  await gate?.shut();
  await dovecot?.stop();
});

const login = () => connectImap({ port: archivia.imapPort, user: USER, password: PASSWORD });
const digest = (raw: Buffer) => createHash('sha256').update(raw).digest('hex');

async function deliver(subject: string, size = 500): Promise<void> {
  const body = `${`${subject} 0123456789 `.repeat(4)}\r\n`.repeat(Math.ceil(size / 80));
  const raw = plainMessage({ subject, body });
  expected.add(digest(raw));
  await dovecot.deliver(USER, 'INBOX', raw);
}

async function deliverMany(name: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => deliver(`${name} ${index}`)));
}

function logged(text: string, count = 1): Promise<unknown> {
  return eventually(
    `${text} ${count} times`,
    () => archivia.log.filter(line => line.includes(`"msg":"${text}"`)).length >= count,
  );
}

/** Waits until the archive holds as much as it should, and compares. */
async function archived(): Promise<void> {
  const client = await login();
  await eventually(`${expected.size} messages`, async () => {
    const status = await client.status('Archivio', { messages: true }).catch(() => false as const);
    return status !== false && (status.messages ?? 0) >= expected.size;
  });
  const found = [...(await sources(client, 'Archivio')).values()].map(digest);
  expect(found).toHaveLength(expected.size);
  expect(new Set(found)).toEqual(expected);
  await client.logout();
}

describe('the archiver survives', () => {
  it('kill -9 in the middle of catching up', async () => {
    await archivia.kill();
    await deliverMany('a server spento', 150);
    await archivia.start();
    await logged('archived', 65);
    await archivia.kill();
    await archivia.start();
    await archived();
  });

  it('connections that break in the middle of a message', async () => {
    await gate.shut();
    await deliver('grande', 900_000);
    await deliverMany('dopo il grande', 3);
    // Each attempt comes some way into the message; the last one whole.
    gate.cut(3, 300_000);
    await gate.open();
    await archived();
    expect(gate.cutsLeft).toBe(0);
  });

  it('an upstream that ends while messages are on their way, and comes back', async () => {
    await gate.shut();
    await deliverMany('riavvio', 100);
    const before = archivia.log.filter(line => line.includes('"msg":"archived"')).length;
    await gate.open();
    await logged('archived', before + 1);
    await dovecot.halt();
    await dovecot.resume();
    await archived();
  });

  it('new UIDs for a whole folder: read again, stored once', async () => {
    await dovecot.halt();
    await dovecot.renumber(USER, 'INBOX');
    await deliver('dopo la migrazione');
    await dovecot.resume();
    await logged('the folder has new UIDs: it is read again from its start');
    await archived();
  });

  it('a provider that grants two connections: the user gets both', async () => {
    const first = await login();
    const second = await login();
    await second.mailboxOpen('INBOX');
    await first.mailboxOpen('INBOX');
    await logged('too many connections: the archiver gives its own to the user');
    await Promise.all([first.logout(), second.logout()]);
  });
});
