import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { PASSWORD, type Stage, startStage, USER } from './stage.ts';

describe('TLS', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage();
  });
  afterAll(() => stage?.stop());

  it('is implicit on the one port: a verified curl fetches the INBOX', async () => {
    const { archivia, dovecot } = stage;
    await dovecot.deliver(USER, 'INBOX', Buffer.from('Subject: prova\r\n\r\nuno\r\n'));
    const url = `imaps://localhost:${archivia.imapsPort}/INBOX;MAILINDEX=1`;
    const args = ['-sS', '--cacert', archivia.caFile, '--user', `${USER}:${PASSWORD}`, url];
    expect(await run('curl', args)).toMatchObject({ code: 0, stdout: 'Subject: prova\r\n\r\nuno\r\n' });
  });

  it('speaks nothing older than TLS 1.2', async () => {
    const outcome = await new Promise<string>(resolve => {
      const socket = connect({
        port: stage.archivia.imapsPort,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', error => resolve(String(error)));
    });
    expect(outcome).toMatch(/protocol version|alert|unsupported/i);
  });

  it('starts with STARTTLS on the other, and only there', async () => {
    const { archivia } = stage;
    const client = await RawImap.connect(archivia.startTlsPort);
    expect(String(await client.response())).toContain('STARTTLS');
    await client.ok('STARTTLS');
    await client.startTls(archivia.ca);
    const capability = (await client.ok('CAPABILITY')).raw.toString();
    expect(capability).not.toContain('STARTTLS');
    expect(capability).toContain('AUTH=PLAIN');
    expect((await client.command('STARTTLS')).status).toBe('BAD');
    await client.ok(`LOGIN ${USER} ${PASSWORD}`);
    await client.ok('SELECT INBOX');
    client.close();
  });

  it('discards what was sent in clear text behind STARTTLS', async () => {
    const { archivia } = stage;
    const client = await RawImap.connect(archivia.startTlsPort);
    await client.response();
    await client.send(`a STARTTLS\r\nb LOGIN ${USER} ${PASSWORD}\r\nc NOOP\r\n`);
    const reply = await client.reply('a').catch(() => null);
    // Closing the connection is as good as discarding; answering under TLS is the hole.
    const secure =
      reply?.status === 'OK' &&
      (await client.startTls(archivia.ca).then(
        () => true,
        () => false,
      ));
    if (secure) await client.send('d SELECT INBOX\r\n').catch(() => {});
    const heard: string[] = [];
    while (!heard.some(line => line.startsWith('d '))) {
      const response = await client.response();
      if (response === null) break;
      heard.push(response.toString('latin1'));
    }
    expect(heard.filter(line => /^[bc] /.test(line))).toEqual([]);
    if (secure) expect(heard.join('')).toMatch(/^d BAD /);
    else expect(client.ended).toBe(true);
    client.close();
  });

  it('hears nothing in clear text on the port for implicit TLS', async () => {
    const client = await RawImap.connect(stage.archivia.imapsPort);
    await client.send('a CAPABILITY\r\n');
    await client.closed();
    client.close();
  });
});
