import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StoreError } from '../../src/store/types.ts';
import { connectImap } from '../support/clients.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { eventually } from '../support/processes.ts';
import { openGate } from './gate.ts';
import { type Harness, type HarnessOptions, MARIO, message, PASSWORD, startHarness, subjects } from './harness.ts';

let dovecot: Dovecot;
let harness: Harness | null = null;
let user = 0;

beforeAll(async () => {
  dovecot = await startDovecot({ tls: true });
});
afterAll(() => dovecot.stop());

/** Every test has a mailbox of its own, which the upstream knows by the address. */
beforeEach(async () => {
  user += 1;
  await dovecot.addUser(MARIO, PASSWORD);
});
afterEach(async () => {
  await harness?.stop();
  harness = null;
  const client = await connectImap({ port: dovecot.imapPort, user: MARIO, password: PASSWORD });
  await client.mailboxOpen('INBOX');
  await client.messageDelete('1:*');
  for (const folder of await client.list()) if (folder.path !== 'INBOX') await client.mailboxDelete(folder.path);
  await client.logout();
});

async function start(options: HarnessOptions = {}): Promise<Harness> {
  harness = await startHarness(dovecot.imapPort, options);
  return harness;
}

const names = (...wanted: string[]) => wanted.map(name => `${user} ${name}`);
const deliver = (name: string, folder = 'INBOX', body?: string, internalDate = new Date()) =>
  dovecot.deliver(MARIO, folder, message(`${user} ${name}`, body), { internalDate });
const HOUR = 3_600_000;
const deliverOld = (name: string, folder?: string) => deliver(name, folder, undefined, new Date(Date.now() - HOUR));

describe('archiver', () => {
  it('copies what comes from now on, byte for byte, and leaves the mailbox as it was', async () => {
    await deliverOld('before');
    const { archiver, archive } = await start();
    await archiver.catchUp(MARIO);
    expect(archive.messages).toEqual([]);

    const internalDate = new Date('2026-11-03T10:20:30Z');
    const raw = message(`${user} new`, 'Perch\xe9 no.\r\n');
    await dovecot.deliver(MARIO, 'INBOX', raw, { internalDate });
    await archiver.catchUp(MARIO);
    expect(archive.messages).toHaveLength(1);
    expect(archive.messages[0]?.raw.equals(raw)).toBe(true);
    expect(archive.messages[0]?.filing).toEqual({
      flags: ['\\Seen'],
      internalDate: internalDate.getTime(),
      origin: { direction: 'received', source: 'archiver', folder: 'INBOX' },
    });

    const client = await connectImap({ port: dovecot.imapPort, user: MARIO, password: PASSWORD });
    const box = await client.mailboxOpen('INBOX', { readOnly: true });
    expect(box.exists).toBe(2);
    for await (const { flags } of client.fetch('1:*', { flags: true })) {
      // EXAMINE takes \Recent from nobody, PEEK sets no \Seen.
      expect([...(flags ?? [])]).toEqual(['\\Recent']);
    }
    await client.logout();
  });

  it('hears of a new message at once, without being asked', async () => {
    const { archiver, archive } = await start();
    await archiver.catchUp(MARIO);
    await deliver('one');
    await eventually('the first message', () => archive.messages.length === 1);
    await deliver('two');
    await eventually('the second message', () => archive.messages.length === 2);
    expect(subjects(archive)).toEqual(names('one', 'two'));
  });

  it('reads messages of any length in pieces', async () => {
    const { archiver, archive } = await start();
    await archiver.catchUp(MARIO);
    const head = message(`${user} exact`, '').length;
    const sizes = [256 * 1024 - head - 2, 512 * 1024 - head - 2, 3_000_000];
    for (const size of sizes) await deliver('exact', 'INBOX', `${'x'.repeat(size)}\r\n`);
    await archiver.catchUp(MARIO);
    expect(archive.messages.map(({ raw }) => raw.length).sort((a, b) => a - b)).toEqual(
      sizes.map(size => size + head + 2),
    );
  });

  it('copies the sent folder that the server marks', async () => {
    const { archiver, archive } = await start({ pollMs: 100 });
    await archiver.catchUp(MARIO);
    await deliver('sent', 'Posta inviata');
    await eventually('the sent message', () => archive.messages.length === 1);
    expect(archive.messages[0]?.filing.origin).toEqual({
      direction: 'sent',
      source: 'archiver',
      folder: 'Posta inviata',
    });
    await deliver('received');
    await eventually('the received message', () => archive.messages.length === 2);
  });

  it('copies what came between its beginning and its first look at the folder', async () => {
    await deliverOld('before');
    await deliver('meanwhile');
    await deliver('also');
    const running = await start({ since: new Date(Date.now() - HOUR / 2) });
    await running.archiver.catchUp(MARIO);
    expect(subjects(running.archive)).toEqual(names('meanwhile', 'also'));
  });

  it('copies chosen folders, from their start where they are new', async () => {
    await deliverOld('old', 'Pratiche');
    const running = await start({ auto: { folders: ['Pratiche', 'Altre', 'INBOX'] } });
    await running.archiver.catchUp(MARIO);
    await deliver('new', 'Pratiche');
    await deliver('first', 'Altre');
    await running.archiver.catchUp(MARIO);
    expect(subjects(running.archive)).toEqual(names('new'));
    expect(running.archive.messages[0]?.filing.origin.direction).toBe('unknown');
    await running.restart();
    await running.archiver.catchUp(MARIO);
    expect(subjects(running.archive)).toEqual(names('new', 'first'));
  });

  it('knows which upstream message is which of the archive, until the upstream expunges it', async () => {
    const running = await start();
    await running.archiver.catchUp(MARIO);
    await deliver('one');
    await deliver('two');
    await running.archiver.catchUp(MARIO);
    const [cursor] = await running.archive.cursors();
    const folder = { folder: 'INBOX', uidValidity: cursor?.uidValidity ?? 0 };
    const last = cursor?.lastUid ?? 0;
    expect([...(await running.archive.knownUpstreamUids(folder))]).toEqual([last - 1, last]);
    const client = await connectImap({ port: dovecot.imapPort, user: MARIO, password: PASSWORD });
    await client.mailboxOpen('INBOX');
    await client.messageDelete(String(last - 1), { uid: true });
    await client.logout();
    await running.restart();
    await running.archiver.catchUp(MARIO);
    expect([...(await running.archive.knownUpstreamUids(folder))]).toEqual([last]);
  });

  it('gives its connection to the user, and comes for visits afterwards', async () => {
    const { archiver, archive } = await start({ awayMs: 150 });
    await archiver.catchUp(MARIO);
    expect(archiver.states()).toMatchObject([{ address: MARIO, status: 'connected' }]);
    await archiver.yield(MARIO);
    await eventually('to be away', () => archiver.states()[0]?.status === 'away');
    await deliver('meanwhile');
    await eventually('the message', () => archive.messages.length === 1);
    await eventually('to be away again', () => archiver.states()[0]?.status === 'away');
  });

  it('leaves out what the configuration leaves out', async () => {
    const { archiver, archive } = await start({ auto: { incoming: false, sent: true } });
    await archiver.catchUp(MARIO);
    await deliver('received');
    await deliver('sent', 'Posta inviata');
    await archiver.catchUp(MARIO);
    expect(subjects(archive)).toEqual(names('sent'));
  });

  it('goes on after a restart where it was, with nothing lost and nothing twice', async () => {
    const running = await start();
    await running.archiver.catchUp(MARIO);
    await deliver('one');
    await running.archiver.catchUp(MARIO);
    await running.archiver.stop();
    await deliver('two');
    await running.restart();
    await running.archiver.catchUp(MARIO);
    expect(subjects(running.archive)).toEqual(names('one', 'two'));
  });

  it('reads a folder again from its start when its UIDs have changed', async () => {
    const { archiver, archive } = await start();
    await archiver.catchUp(MARIO);
    await deliver('old', 'Posta inviata');
    await archiver.catchUp(MARIO);
    const client = await connectImap({ port: dovecot.imapPort, user: MARIO, password: PASSWORD });
    await client.mailboxDelete('Posta inviata');
    await client.mailboxCreate('Posta inviata');
    await client.append('Posta inviata', message(`${user} new`));
    await client.append('Posta inviata', message(`${user} old`));
    await client.logout();
    // The connection may see the folder vanish under it; it comes back by itself.
    await eventually('both messages', async () => {
      await archiver.catchUp(MARIO).catch(() => {});
      return archive.messages.length === 2;
    });
    expect(subjects(archive).sort()).toEqual(names('new', 'old'));
    const cursors = await archive.cursors();
    expect(cursors.find(cursor => cursor.folder === 'Posta inviata')?.lastUid).toBe(2);
  });

  it('asks the upstream once about a wrong password, and starts again with the next good login', async () => {
    const before = await dovecot.refusedLogins(MARIO);
    const { archiver, archive, vault, log, restart } = await start({ password: 'vecchia' });
    await expect(archiver.catchUp(MARIO)).rejects.toThrow('refuses the password');
    await expect(archiver.catchUp(MARIO)).rejects.toThrow('refuses the password');
    await restart();
    await expect(harness?.archiver.catchUp(MARIO)).rejects.toThrow('refuses the password');
    expect((await dovecot.refusedLogins(MARIO)) - before).toBe(1);

    await vault.remember(MARIO, PASSWORD);
    await harness?.archiver.catchUp(MARIO);
    await deliver('one');
    await eventually('the message', () => archive.messages.length === 1);
    expect(log.join('')).not.toMatch(new RegExp(`${PASSWORD}|vecchia`));
  });

  it('starts when the vault gets its first password', async () => {
    const { archiver, archive, vault } = await start({ password: null });
    await expect(archiver.catchUp(MARIO)).rejects.toThrow('no password');
    await vault.remember(MARIO, PASSWORD);
    await archiver.catchUp(MARIO);
    await deliver('one');
    await eventually('the message', () => archive.messages.length === 1);
  });

  it('comes back by itself after an outage', async () => {
    const gate = await openGate(dovecot.imapPort);
    const { archiver, archive } = await start({ imap: { port: gate.port } });
    await archiver.catchUp(MARIO);
    await gate.shut();
    await deliver('meanwhile');
    await expect(archiver.catchUp(MARIO)).rejects.toThrow();
    await gate.open();
    await eventually('the message', () => archive.messages.length === 1);
    expect(subjects(archive)).toEqual(names('meanwhile'));
    await archiver.stop();
    await gate.shut();
  });

  it('moves the cursor only past what is on disk', async () => {
    const { archiver, archive } = await start();
    await archiver.catchUp(MARIO);
    archive.failures.push(new StoreError('OVERQUOTA', 'full'), new StoreError('OVERQUOTA', 'full'));
    await deliver('one');
    await eventually('the message', () => archive.messages.length === 1);
    expect(archive.failures).toEqual([]);
    expect(archive.openSpools).toBe(0);
  });

  it('is not held up by one message that cannot be archived, and tries it again later', async () => {
    const running = await start();
    await running.archiver.catchUp(MARIO);
    running.archive.failures.push(new StoreError('SERVERBUG', 'the parser died'));
    await deliver('bad');
    await running.archiver.catchUp(MARIO);
    await deliver('good');
    await running.archiver.catchUp(MARIO);
    expect(subjects(running.archive)).toEqual(names('good'));
    await running.restart();
    await running.archiver.catchUp(MARIO);
    expect(subjects(running.archive)).toEqual(names('good', 'bad'));
  });

  it('tells of each archived message, and again when that failed', async () => {
    const told: string[] = [];
    let broken = true;
    const running = await start({
      onArchived: async (account, filed) => {
        if (broken) throw new Error('queue is down');
        told.push(`${account.address} ${filed.sha256.length}`);
      },
    });
    await running.archiver.catchUp(MARIO);
    await deliver('one');
    await running.archiver.catchUp(MARIO);
    broken = false;
    await running.restart();
    await running.archiver.catchUp(MARIO);
    expect(told).toEqual([`${MARIO} 64`]);
    expect(running.archive.messages).toHaveLength(1);
  });

  it('speaks TLS with the authority it was given, and with no other', async () => {
    const imap = { port: dovecot.imapsPort ?? 0, tls: 'implicit' as const };
    const strict = await start({ imap });
    await expect(strict.archiver.catchUp(MARIO)).rejects.toThrow(/certificate|self-signed|verify/i);
    await strict.stop();
    for (const given of [imap, { tls: 'starttls' as const }]) {
      const trusting = await start({ imap: { ...given, caFile: dovecot.caFile ?? '' } });
      await trusting.archiver.catchUp(MARIO);
      await trusting.stop();
    }
    const foreign = await start({ imap: { host: 'gestore-uno.example', tls: 'none' } });
    await expect(foreign.archiver.catchUp(MARIO)).rejects.toThrow('loopback addresses only');
  });
});
