import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { PASSWORD, type Stage, startStage, USER } from './stage.ts';

/** One mailbox, many connections: five of a Thunderbird, one for each folder of a phone, and all of them at once. */
describe('many connections of one account', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
  });
  afterAll(() => stage?.stop());

  const status = async (client: RawImap, folder: string) =>
    Number(/MESSAGES (\d+)/.exec((await client.ok(`STATUS "${folder}" (MESSAGES)`)).raw.toString())?.[1]);
  const deliver = (subject: string, body?: string) =>
    stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject, body, date: new Date('2026-01-15T10:00:00Z') }), {
      internalDate: new Date('2026-01-15T10:00:00Z'),
    });
  /** UID of the newest message of the INBOX. */
  async function newest(client: RawImap): Promise<string> {
    return /UID (\d+)/.exec((await client.ok('FETCH * (UID)')).raw.toString())?.[1] ?? '';
  }

  it('forty log in within one moment, the first ones before the password is known to be good', async () => {
    await deliver('per tutti');
    const clients = await Promise.all(Array.from({ length: 40 }, () => stage.raw()));
    const replies = await Promise.all(
      clients.map((client, index) => client.ok(index % 2 === 0 ? 'SELECT INBOX' : 'SELECT Archivio')),
    );
    for (const [index, reply] of replies.entries()) {
      expect(reply.raw.toString()).toContain(index % 2 === 0 ? '* 1 EXISTS' : '* 0 EXISTS');
    }
    await Promise.all(
      clients
        .map(async (client, index) => {
          await client.send('i IDLE\r\n');
          await client.response();
          if (index % 2 === 0) return;
          expect(String(await client.response())).toBe('* 1 EXISTS\r\n');
        })
        .concat(
          (async () => {
            const other = await stage.raw();
            await other.ok('EXAMINE INBOX');
            await other.ok('COPY 1 Archivio');
            other.close();
          })(),
        ),
    );
    await Promise.all(
      clients.map(async client => {
        await client.send('DONE\r\n');
        expect((await client.reply('i')).status).toBe('OK');
        await client.ok('LOGOUT');
        client.close();
      }),
    );
    expect(stage.archivia.log.filter(line => /"level":[56]0/.test(line))).toEqual([]);
  });

  it('the same uid move twice on one connection, pipelined: the second finds nothing', async () => {
    const client = await stage.raw();
    await deliver('una volta');
    await client.ok('SELECT INBOX');
    const uid = await newest(client);
    const before = await status(client, 'Archivio');
    await client.send(`a uid move ${uid} "Archivio"\r\nb uid move ${uid} "Archivio"\r\n`);
    expect((await client.reply('a')).line).toBe('a OK Move completed.');
    expect((await client.reply('b')).line).toBe('b OK No messages found.');
    expect(await status(client, 'Archivio')).toBe(before + 1);
    client.close();
  });

  it.each(['Archivio', '--ARCHIVIA--'])(
    'the same uid move to %s on six connections at once: moved once, all OK',
    async to => {
      const clients = await Promise.all(Array.from({ length: 6 }, () => stage.raw()));
      const [first] = clients;
      if (first === undefined) throw new Error('no client');
      const large = 'x'.repeat(70).concat('\r\n').repeat(20_000);
      await deliver(`insieme verso ${to}`, large);
      for (const client of clients) await client.ok('SELECT INBOX');
      const uid = await newest(first);
      const [archived, reports] = [
        await status(first, 'Archivio'),
        await status(first, 'Conservazione/Rapporti di versamento'),
      ];
      const replies = await Promise.all(clients.map(client => client.command(`UID MOVE ${uid} ${to}`)));
      for (const reply of replies) expect(reply.line).toMatch(/ OK /);
      expect((await first.ok(`UID SEARCH UID ${uid}`)).raw.toString()).toContain('* SEARCH\r\n');
      expect(await status(first, 'Archivio')).toBe(archived + 1);
      if (to === '--ARCHIVIA--') {
        // Conserved once: one message, one report on it.
        await eventually('the message to be conserved', async () => (await status(first, '--ARCHIVIA--')) === 0);
        expect(await status(first, 'Conservazione/2026/01/Ordinaria')).toBe(1);
        const reported = () => status(first, 'Conservazione/Rapporti di versamento');
        await eventually('its report', async () => (await reported()) > reports);
        expect(await reported()).toBe(reports + 1);
      }
      for (const client of clients) client.close();
    },
  );

  it('a copy keeps the order of the folder it comes from', async () => {
    const client = await stage.raw();
    await client.ok('CREATE Ordinata');
    for (let index = 0; index < 60; index++) {
      // Long and short ones, so that the short could overtake.
      const body = index % 3 === 0 ? 'x'.repeat(70).concat('\r\n').repeat(4_000) : 'breve';
      await client.append(
        'Ordinata',
        plainMessage({ subject: `numero ${index}`, body }),
        '"15-Feb-2026 10:00:00 +0000"',
      );
    }
    await client.ok('SELECT Ordinata');
    const code = /COPYUID \d+ (\S+) (\S+)\]/.exec((await client.ok('COPY 1:* Archivio')).line);
    expect(code?.[1]).toBe('1:60');
    expect(code?.[2]).toMatch(/^\d+:\d+$/);
    await client.ok('SELECT "Archivio/2026/02/Ordinaria"');
    const subjects = (await client.ok('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])')).untagged.map(
      each => /numero (\d+)/.exec(each.toString())?.[1],
    );
    expect(subjects).toEqual(Array.from({ length: 60 }, (_, index) => String(index)));
    client.close();
  });

  it('nothing crosses the border by RENAME, and DELETE of what is selected keeps the session in order', async () => {
    const client = await stage.raw();
    await client.ok('CREATE Vecchia');
    for (const command of [
      'RENAME Vecchia Archivio/Vecchia',
      'RENAME Vecchia Archivio',
      'RENAME Archivio Vecchia2',
      'RENAME Conservazione Cestino/Conservazione',
      'DELETE Archivio',
      'DELETE "Conservazione/Rapporti di versamento"',
      'CREATE Archivio/mia',
    ]) {
      expect((await client.command(command)).line, command).toMatch(/ NO \[(CANNOT|NOPERM)\] /);
    }
    expect((await client.ok('LIST "" "Vecchia*"')).untagged).toHaveLength(1);
    // One delimiter for both sides.
    expect((await client.ok('LIST "" ""')).untagged.map(String)).toEqual(['* LIST (\\Noselect) "/" ""\r\n']);
    await client.ok('SELECT Vecchia');
    const reply = await client.command('DELETE Vecchia');
    expect(reply.status).toMatch(/OK|NO/);
    // Dovecot leaves the mailbox, or says goodbye: either way the next session is well.
    client.close();
    const next = await stage.raw();
    // As Dovecot says it to sequence numbers that are not there, and to UIDs.
    await next.ok('SELECT INBOX');
    expect((await next.command('COPY 99 Archivio')).status).toBe('BAD');
    expect((await next.command('UID COPY 9999 Archivio')).line).toMatch(/ OK No messages found/);
    await next.ok('SELECT Archivio');
    next.close();
  });

  it('names that look like ours, in other spellings, are whoever they belong to', async () => {
    const client = await stage.raw();
    for (const name of ['archivio', 'Archivio ', '"Archivio/"', 'Archivio&AC8-2026', '{8+}\r\nArchivio']) {
      const reply = await client.command(`STATUS ${name} (MESSAGES)`);
      expect(reply.status, name).toMatch(/OK|NO|BAD/);
      await client.ok('NOOP');
    }
    expect((await client.command('STATUS {8+}\r\nArchivio (MESSAGES)')).status).toBe('OK');
    const wrong = await RawImap.connect(stage.archivia.imapPort);
    await wrong.response();
    expect((await wrong.command(`LOGIN ${USER} "${PASSWORD}"`)).status).toBe('OK');
    wrong.close();
    client.close();
  });
});
