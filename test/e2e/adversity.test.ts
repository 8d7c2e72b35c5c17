import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { PASSWORD, type Stage, sources, startStage, USER } from './stage.ts';

const MEGABYTE = 1_000_000;

describe('a running server meets', () => {
  let stage: Stage;
  const filed = plainMessage({ subject: 'in archivio', date: new Date('2026-06-07T08:00:00Z') });

  beforeAll(async () => {
    stage = await startStage({ limits: { messageBytes: '2MB' } });
    const client = await stage.raw();
    expect((await client.append('Archivio', filed, '(\\Seen) "07-Jun-2026 08:00:00 +0000"')).status).toBe('OK');
    client.close();
  });
  afterAll(() => stage?.stop());

  const connect = async () => {
    const client = await RawImap.connect(stage.archivia.imapPort);
    await client.response();
    return client;
  };

  const serves = async () => {
    const client = await stage.raw();
    await client.ok('SELECT INBOX');
    await client.ok('SELECT Archivio');
    client.close();
  };

  describe('a literal of 100 MB where none is allowed', () => {
    const size = 100 * MEGABYTE;

    it.each(['LOGIN', 'AUTHENTICATE PLAIN', 'ID', 'NOOP'])('before login, in %s', async command => {
      const client = await connect();
      await client.send(`a ${command} {${size}}\r\n`);
      const first = await client.response();
      // Refused at once, or the connection closed: never an invitation.
      if (first !== null) expect(String(first)).toMatch(/^(a (NO|BAD)|\* BYE) /);
      client.close();
      await serves();
    });

    it.each(['SELECT', 'SEARCH TEXT', 'LIST ""', 'STATUS', 'UID COPY 1', 'CREATE'])(
      'synchronising, in %s',
      async command => {
        const client = await stage.raw();
        await client.ok('SELECT Archivio');
        await client.send(`a ${command} {${size}}\r\n`);
        const first = await client.response();
        if (first !== null) expect(String(first)).toMatch(/^(a (NO|BAD)|\* BYE) /);
        if (first !== null && !String(first).startsWith('*')) await client.ok('NOOP');
        client.close();
      },
    );

    it.concurrent.each(['SELECT', 'SEARCH TEXT', 'APPEND Archivio'])(
      'sent without asking, in %s: bounded memory',
      async command => {
        const before = await stage.archivia.memory();
        const client = await stage.raw();
        await client.ok('SELECT Archivio');
        await client.send(`a ${command} {${size}+}\r\n`);
        const chunk = Buffer.alloc(MEGABYTE, 'x');
        for (let sent = 0; sent < size && !client.ended; sent += chunk.length) {
          const gone = await client.send(chunk).then(
            () => false,
            () => true,
          );
          if (gone) break;
        }
        if (!client.ended) await client.send('\r\nb NOOP\r\n').catch(() => {});
        const heard: string[] = [];
        for (;;) {
          const response = await client.response(30_000);
          if (response === null) break;
          heard.push(response.toString('latin1'));
          if (/^b /.test(heard.at(-1) ?? '')) break;
        }
        const text = heard.join('');
        // Either all of it was swallowed and refused, or the connection was closed with a word.
        expect(text).toMatch(/^a (NO|BAD) |^\* BYE /m);
        expect(text).not.toMatch(/^a OK/m);
        client.close();
        expect((await stage.archivia.memory()) - before).toBeLessThan(60 * MEGABYTE);
        await serves();
      },
    );

    it('as an APPEND to a view, beyond the limit: refused before it is sent', async () => {
      const client = await stage.raw();
      const refused = await client.append('Archivio', Buffer.alloc(3 * MEGABYTE, 'x'));
      expect(refused.line).toMatch(/ NO \[(TOOBIG|LIMIT)\] /);
      await client.ok('NOOP');
      client.close();
    });
  });

  it.each([
    ['CREATE Archivio', 'NO'],
    ['CREATE Archivio/2027', 'NO'],
    ['CREATE "Conservazione/2026/06/Mia"', 'NO'],
    ['CREATE --ARCHIVIA--/sotto', 'NO'],
    ['DELETE Archivio', 'NO'],
    ['DELETE Archivio/2026/06/Ordinaria', 'NO'],
    ['DELETE --ARCHIVIA--', 'NO'],
    ['DELETE Conservazione', 'NO'],
    ['DELETE "Conservazione/Rapporti di versamento"', 'NO'],
    ['RENAME Archivio Altro', 'NO'],
    ['RENAME Conservazione Archivio', 'NO'],
    ['RENAME Bozze Archivio/Bozze', 'NO'],
    ['RENAME Bozze Conservazione', 'NO'],
    ['RENAME --ARCHIVIA-- Cestino/--ARCHIVIA--', 'NO'],
  ])('a view named in %s, and says why not', async (command, status) => {
    const client = await stage.raw();
    const reply = await client.command(command);
    expect(reply.status).toBe(status);
    expect(reply.line).toMatch(/ NO \[(CANNOT|ALREADYEXISTS|NOPERM)\] \S+ \S+/);
    const folders = (await client.ok('LIST "" "*"')).raw.toString('latin1');
    expect(folders).toMatch(/Archivio\/2026\/06\/Ordinaria/);
    expect(folders).toMatch(/Bozze/);
    expect(folders).not.toMatch(/Altro|Mia|2027/);
    client.close();
    const direct = await stage.directRaw();
    expect((await direct.ok('LIST "" "*"')).raw.toString('latin1')).not.toMatch(/Archivio|Conservazione|ARCHIVIA/);
    direct.close();
  });

  it('a move from the upstream while the time-stamping authority is down: kept until it is back', async () => {
    stage.tsa.mode = 'down';
    const client = await stage.client();
    const raw = plainMessage({ subject: 'da conservare', date: new Date('2026-06-08T08:00:00Z') });
    await client.append('INBOX', raw);
    const lock = await client.getMailboxLock('INBOX');
    expect(await client.messageMove('1:*', '--ARCHIVIA--')).not.toBe(false);
    lock.release();
    expect(await stage.dovecot.stored(USER, 'INBOX')).toEqual([]);
    expect([...(await sources(client, '--ARCHIVIA--')).values()]).toEqual([raw]);
    await new Promise(resolve => setTimeout(resolve, 1_500));
    expect((await sources(client, '--ARCHIVIA--')).size).toBe(1);
    stage.tsa.mode = 'good';
    await eventually(
      'the message to be conserved',
      async () => {
        const status = await client.status('--ARCHIVIA--', { messages: true });
        return status !== false && status.messages === 0;
      },
      60_000,
    );
    expect([...(await sources(client, 'Conservazione')).values()]).toContainEqual(raw);
    await client.logout();
  }, 90_000);

  it('an upstream that goes away in mid-session: the archive goes on, folders say [UNAVAILABLE], and it comes back', async () => {
    const inView = await stage.raw();
    await inView.ok('SELECT Archivio');
    const inFolder = await stage.raw();
    await inFolder.ok('SELECT INBOX');
    await stage.dovecot.halt();

    // In a folder: a goodbye, and the end of the connection.
    const heard: string[] = [];
    for (let response = await inFolder.response(); response !== null; response = await inFolder.response()) {
      heard.push(response.toString('latin1'));
    }
    expect(heard.join('')).toMatch(/^\* BYE /m);

    // In a view: nothing is lost.
    const fetched = await inView.ok('FETCH 1 BODY.PEEK[]');
    expect(fetched.raw.includes(filed)).toBe(true);
    expect((await inView.command('SELECT INBOX')).line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect((await inView.command('STATUS INBOX (MESSAGES)')).line).toMatch(/ NO \[UNAVAILABLE\] /);
    expect((await inView.ok('SELECT Archivio')).raw.toString('latin1')).toContain('* 2 EXISTS');
    expect(fetched.raw.toString('latin1')).not.toContain('ECONN');

    // A new login cannot be judged without the upstream: not a matter of the password.
    const late = await connect();
    expect((await late.command(`LOGIN ${USER} ${PASSWORD}`)).line).toMatch(/ NO \[UNAVAILABLE\] /);
    late.close();

    await stage.dovecot.resume();
    expect((await inView.ok('SELECT INBOX', 30_000)).line).toContain('OK');
    inView.close();
    await serves();
  });

  it('an upstream that is down when the server starts: it starts, and serves when the upstream has come', async () => {
    await stage.dovecot.halt();
    await stage.archivia.shutDown();
    await stage.archivia.start();
    const client = await connect();
    expect((await client.command(`LOGIN ${USER} ${PASSWORD}`)).line).toMatch(/ NO \[UNAVAILABLE\] /);
    await stage.dovecot.resume();
    await client.ok(`LOGIN ${USER} ${PASSWORD}`);
    expect((await client.ok('SELECT Archivio')).status).toBe('OK');
    await client.ok('SELECT INBOX');
    client.close();
  });

  it('clients that vanish in the middle of a command', async () => {
    for (const part of ['a SEL', 'a SELECT INBOX\r\nb FETCH 1', 'a APPEND Archivio {1000}\r\n', 'a IDLE\r\n']) {
      const client = await stage.raw();
      await client.send(part);
      client.close();
    }
    const half = await stage.raw();
    await half.send(`a APPEND Archivio {1000+}\r\nSubject: mezzo\r\n`);
    half.close();
    await serves();
    const client = await stage.client();
    for (const source of (await sources(client, 'Archivio')).values()) expect(String(source)).not.toContain('mezzo');
    await client.logout();
  });
});
