import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectImap } from './clients.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { must, run } from './processes.ts';
import { RawImap } from './raw-imap.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temp.ts';
import { startTimestampAuthority, type TimestampAuthorityServer } from './timestamp-authority.ts';

const user = 'mario.rossi@pec.example.it';

describe('startDovecot', () => {
  let dovecot: Dovecot;
  beforeAll(async () => {
    dovecot = await startDovecot({ tls: true, users: { [user]: 'segreta' }, quota: '20M' });
  });
  afterAll(() => dovecot.stop());

  it('delivers with flags and date, and serves the same bytes', async () => {
    const raw = Buffer.from('Subject: prova\r\n\r\nuno\r\n.\r\n');
    const internalDate = new Date('2026-03-04T05:06:07Z');
    await dovecot.deliver(user, 'INBOX', raw, { flags: ['\\Seen', '\\Flagged'], internalDate });
    const client = await connectImap({ port: dovecot.imapPort, user, password: 'segreta' });
    const lock = await client.getMailboxLock('INBOX');
    const message = await client.fetchOne('*', { source: true, flags: true, internalDate: true });
    lock.release();
    if (!message) throw new Error('nothing delivered');
    expect(message.source).toEqual(raw);
    expect(message.internalDate).toEqual(internalDate);
    expect([...(message.flags ?? [])]).toEqual(expect.arrayContaining(['\\Seen', '\\Flagged']));
    const sent = (await client.list()).find(folder => folder.specialUse === '\\Sent');
    expect(sent?.path).toBe('Posta inviata');
    await client.logout();
    expect(await dovecot.stored(user, 'INBOX')).toEqual([raw]);
  });

  it('refuses a wrong password and counts it', async () => {
    const client = await RawImap.connect(dovecot.imapPort);
    const before = await dovecot.refusedLogins(user);
    expect((await client.command(`LOGIN ${user} sbagliata`)).line).toContain('[AUTHENTICATIONFAILED]');
    expect(await dovecot.refusedLogins(user)).toBe(before + 1);
    client.close();
  });

  it('clones a user so that the answers are the same bytes', async () => {
    await dovecot.cloneUser(user, 'gemello@pec.example.it', 'altra');
    const script = ['SELECT INBOX', 'FETCH 1:* (UID FLAGS ENVELOPE)', 'STATUS INBOX (UIDVALIDITY UIDNEXT)'];
    const answers: string[] = [];
    for (const [name, password] of [
      [user, 'segreta'],
      ['gemello@pec.example.it', 'altra'],
    ] as const) {
      const client = await RawImap.login(dovecot.imapPort, name, password);
      let answer = '';
      for (const line of script) answer += (await client.ok(line)).untagged.join('');
      answers.push(answer);
      client.close();
    }
    expect(answers[1]).toBe(answers[0]);
    expect(answers[0]).toContain('prova');
  });

  it('speaks TLS under its own authority and comes back after an outage with the mail kept', async () => {
    const ca = await readFile(dovecot.caFile ?? '', 'utf8');
    await dovecot.halt();
    await expect(RawImap.connect(dovecot.imapPort)).rejects.toThrow('ECONNREFUSED');
    await dovecot.resume();
    const client = await RawImap.login(dovecot.imapsPort ?? 0, user, 'segreta', ca);
    expect((await client.ok('STATUS INBOX (MESSAGES)')).raw.toString()).toContain('MESSAGES 1');
    client.close();
  });
});

describe('startTimestampAuthority', () => {
  let authority: TimestampAuthorityServer;
  let directory: TemporaryDirectory;
  beforeAll(async () => {
    authority = await startTimestampAuthority();
    directory = await temporaryDirectory('stamp');
    await writeFile(join(directory.path, 'data'), 'contenuto');
    await must('openssl', ['ts', '-query', '-data', 'data', '-sha256', '-cert', '-out', 'query'], {
      cwd: directory.path,
    });
  });
  afterAll(async () => {
    await authority.stop();
    await directory.remove();
  });

  async function ask(): Promise<Response> {
    return fetch(authority.url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query' },
      body: await readFile(join(directory.path, 'query')),
    });
  }

  async function verify(): Promise<number | null> {
    await writeFile(join(directory.path, 'reply'), Buffer.from(await (await ask()).arrayBuffer()));
    const args = ['ts', '-verify', '-in', 'reply', '-queryfile', 'query', '-CAfile', authority.caFile];
    return (await run('openssl', [...args, '-untrusted', authority.tsaCertFile], { cwd: directory.path })).code;
  }

  it('stamps so that openssl verifies', async () => {
    authority.mode = 'good';
    expect(await verify()).toBe(0);
  });

  it.each(['wrong-nonce', 'wrong-digest', 'rejection'] as const)('lies in mode %s', async mode => {
    authority.mode = mode;
    expect(await verify()).not.toBe(0);
  });

  it('is down, or slow until it is not', async () => {
    authority.mode = 'down';
    expect((await ask()).status).toBe(503);
    authority.mode = 'slow';
    const answer = ask();
    expect(await Promise.race([answer.then(() => 'answered'), new Promise(r => setTimeout(r, 200, 'waits'))])).toBe(
      'waits',
    );
    authority.mode = 'good';
    expect((await answer).status).toBe(200);
  });
});
