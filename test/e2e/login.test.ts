import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { PASSWORD, type Stage, startStage, USER } from './stage.ts';

const OTHER = 'anna.bianchi@pec.example.it';
const plain = (user: string, password: string) => Buffer.from(`\0${user}\0${password}`).toString('base64');

describe('the login', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ dovecot: { users: { [OTHER]: 'Con spazi "e" \\barre' } } });
  });
  afterAll(() => stage?.stop());

  const connect = async () => {
    const client = await RawImap.connect(stage.archivia.imapPort);
    expect(String(await client.response())).toMatch(/^\* OK \[CAPABILITY IMAP4rev1 [^\]]*SASL-IR/);
    return client;
  };

  it('does not replay a refused password upstream, whatever the way in', async () => {
    const before = await stage.dovecot.refusedLogins(USER);
    const refused = async (command: string) => {
      const client = await connect();
      expect((await client.command(command)).line).toMatch(/ NO \[AUTHENTICATIONFAILED\] /);
      client.close();
    };
    await refused(`LOGIN ${USER} sbagliata`);
    const ways = [`LOGIN ${USER} sbagliata`, `LOGIN ${USER.toUpperCase()} "sbagliata"`];
    await Promise.all([...ways, `AUTHENTICATE PLAIN ${plain(USER, 'sbagliata')}`].map(refused));
    expect(await stage.dovecot.refusedLogins(USER)).toBe(before + 1);
  });

  it('asks the upstream again for another password, and for the right one', async () => {
    const before = await stage.dovecot.refusedLogins(USER);
    const client = await connect();
    expect((await client.command(`LOGIN ${USER} ancora-sbagliata`)).status).toBe('NO');
    expect(await stage.dovecot.refusedLogins(USER)).toBe(before + 1);
    expect((await client.command(`LOGIN ${USER} ${PASSWORD}`)).line).toMatch(/ OK \[CAPABILITY IMAP4rev1 /);
    client.close();
  });

  it('takes AUTHENTICATE PLAIN with and without an initial response, and its cancellation', async () => {
    const client = await connect();
    await client.send('a AUTHENTICATE PLAIN\r\n');
    expect(String(await client.response())).toMatch(/^\+ ?/);
    await client.send('*\r\n');
    expect((await client.reply('a')).status).toBe('BAD');
    await client.send('b AUTHENTICATE PLAIN\r\n');
    expect(String(await client.response())).toMatch(/^\+ ?/);
    await client.send('non-è-base64!\r\n');
    expect((await client.reply('b')).status).toMatch(/NO|BAD/);
    await client.send('c AUTHENTICATE PLAIN\r\n');
    expect(String(await client.response())).toMatch(/^\+ ?/);
    await client.send(`${plain(USER, PASSWORD)}\r\n`);
    expect((await client.reply('c')).status).toBe('OK');
    expect((await client.ok('SELECT INBOX')).line).toContain('[READ-WRITE]');
    client.close();

    const initial = await connect();
    await initial.ok(`AUTHENTICATE PLAIN ${plain(USER, PASSWORD)}`);
    initial.close();
  });

  it('takes AUTHENTICATE LOGIN, as old Outlook has it, in one step and in two', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    for (const command of ['AUTHENTICATE LOGIN', `AUTHENTICATE LOGIN ${base64(USER)}`]) {
      const client = await connect();
      await client.send(`a ${command}\r\n`);
      if (!command.includes('=')) {
        expect(String(await client.response())).toBe(`+ ${base64('Username:')}\r\n`);
        await client.send('!!!\r\n');
        expect((await client.reply('a')).status).toBe('BAD');
        await client.send(`a ${command}\r\n`);
        await client.response();
        await client.send(`${base64(USER)}\r\n`);
      }
      expect(String(await client.response())).toBe(`+ ${base64('Password:')}\r\n`);
      await client.send(`${base64(PASSWORD)}\r\n`);
      expect((await client.reply('a')).line).toMatch(/^a OK \[CAPABILITY /);
      client.close();
    }
    const client = await connect();
    expect((await client.command('AUTHENTICATE PLAIN =')).status).toBe('BAD');
    expect((await client.command('AUTHENTICATE CRAM-MD5')).status).toBe('NO');
    client.close();
  });

  it('takes names and passwords as literals of both kinds, with quotes, spaces and backslashes in them', async () => {
    const password = 'Con spazi "e" \\barre';
    const client = await connect();
    await client.send(`a LOGIN {${OTHER.length}}\r\n`);
    expect(String(await client.response())).toMatch(/^\+ /);
    await client.send(`${OTHER} {${password.length}}\r\n`);
    expect(String(await client.response())).toMatch(/^\+ /);
    await client.send(`${password}\r\n`);
    expect((await client.reply('a')).status).toBe('OK');
    client.close();

    const nonSync = await connect();
    await nonSync.send(`a LOGIN {${OTHER.length}+}\r\n${OTHER} {${password.length}+}\r\n${password}\r\n`);
    expect((await nonSync.reply('a')).status).toBe('OK');
    nonSync.close();
  });

  it('keeps what was sent behind the LOGIN in the same packet', async () => {
    const client = await connect();
    await client.send(
      `a LOGIN ${USER} ${PASSWORD}\r\nb CAPABILITY\r\nc SELECT Archivio\r\nd SELECT INBOX\r\ne NOOP\r\n`,
    );
    for (const tag of ['a', 'b', 'c', 'd', 'e']) expect((await client.reply(tag)).status).toBe('OK');
    client.close();
  });

  it('tells one list of capabilities in a session, and nothing that belongs to the upstream hop', async () => {
    const client = await connect();
    const listOf = (text: string) => /CAPABILITY ([^\]\r]*)/.exec(text)?.[1]?.trim().split(' ').sort();
    const login = listOf((await client.ok(`LOGIN ${USER} ${PASSWORD}`)).line);
    const asked = listOf((await client.ok('CAPABILITY')).raw.toString());
    expect(asked).toEqual(login);
    expect(asked).toEqual(expect.arrayContaining(['IMAP4rev1', 'IDLE', 'UIDPLUS', 'MOVE', 'LITERAL+']));
    for (const token of asked ?? []) {
      expect(token).not.toMatch(/^(AUTH=|STARTTLS|LOGINDISABLED|LOGIN-REFERRALS|URLAUTH|XAPPLE)/);
    }
    client.close();
  });

  it('knows nobody outside its domains, and says the same of them', async () => {
    const client = await connect();
    expect((await client.command('LOGIN qualcuno@altrove.example x')).line).toMatch(/ NO \[AUTHENTICATIONFAILED\] /);
    expect(await stage.dovecot.log()).not.toContain('altrove.example');
    client.close();
  });

  it('allows nothing before it, and gives up on who talks nonsense', async () => {
    const client = await connect();
    for (const command of ['SELECT INBOX', 'LIST "" "*"', 'STATUS Archivio (MESSAGES)']) {
      expect((await client.command(command)).status).toBe('BAD');
      if (client.ended) break;
    }
    client.close();
    const noise = await connect();
    for (let round = 0; round < 60 && !noise.ended; round++) {
      await noise.send(`GET / HTTP/1.1 ${round}\r\n`).catch(() => {});
    }
    await noise.closed();
  });

  it('says goodbye on LOGOUT before and after login', async () => {
    for (const first of [[], [`LOGIN ${USER} ${PASSWORD}`]]) {
      const client = await connect();
      for (const command of first) await client.ok(command);
      const reply = await client.ok('LOGOUT');
      expect(reply.untagged.join('')).toMatch(/^\* BYE /m);
      await client.closed();
    }
  });

  it('writes no password to its log or data', async () => {
    expect(stage.archivia.log.join('\n')).not.toContain(PASSWORD);
    expect(stage.archivia.log.join('\n')).not.toContain(plain(USER, PASSWORD));
    await eventually('a login in the log', () => stage.archivia.log.some(line => line.includes(USER)));
  });
});
