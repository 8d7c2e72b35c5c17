import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { eventually, type Outcome, run } from '../support/processes.ts';
import { archiverRound, PASSWORD, type Stage, sources, startStage, USER } from './stage.ts';

const RECIPIENT = 'destinatario@pec.altrove.example';

describe('submission', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage();
  });
  afterAll(() => stage?.stop());

  async function swaks(raw: Uint8Array, recipients: readonly string[], password = PASSWORD): Promise<Outcome> {
    const file = join(stage.archivia.directory, 'messaggio.eml');
    await writeFile(file, raw);
    return run('swaks', [
      ...['--server', '127.0.0.1', '--port', String(stage.archivia.smtpPort), '--from', USER],
      ...['--to', recipients.join(','), '--auth', 'PLAIN', '--auth-user', USER, '--auth-password', password],
      ...['--data', `@${file}`],
    ]);
  }

  it('passes the message on as it is, and files it under Inviati', async () => {
    const date = new Date('2026-05-06T07:08:09Z');
    const body = 'due righe\r\n.una con il punto\r\ne una perché sì';
    const raw = plainMessage({ subject: 'spedito', from: USER, to: RECIPIENT, body, date });
    const sent = await swaks(raw, [RECIPIENT]);
    expect(sent.code, sent.stdout).toBe(0);
    expect(stage.smtp.received).toHaveLength(1);
    expect(stage.smtp.received[0]).toMatchObject({ user: USER, from: USER, to: [RECIPIENT] });
    const upstream = stage.smtp.received[0]?.raw ?? Buffer.alloc(0);
    const client = await stage.client();
    const archived = await eventually('the sent message in the archive', async () => {
      const found = [...(await sources(client, 'Archivio')).values()];
      return found.length > 0 ? found : null;
    });
    expect(archived).toEqual([upstream]);
    const leaf = (await client.list()).find(
      folder => folder.path.endsWith('/Inviati') && folder.path.startsWith('Archivio'),
    );
    expect([...(await sources(client, leaf?.path ?? '')).values()]).toEqual([upstream]);
    await client.logout();
    expect(upstream.includes(Buffer.from(body))).toBe(true);
  });

  it('recognises the copy that the client puts into its sent folder as the same message', async () => {
    const client = await stage.client();
    await archiverRound(stage, client);
    const sent = stage.smtp.received[0]?.raw ?? Buffer.alloc(0);
    const marker = plainMessage({ subject: 'segno', from: USER });
    await client.append('Posta inviata', sent, ['\\Seen']);
    await client.append('Posta inviata', marker, ['\\Seen']);
    await archiverRound(stage, client);
    const archived = [...(await sources(client, 'Archivio')).values()];
    expect(archived.filter(source => source.equals(marker))).toHaveLength(1);
    expect(archived.filter(source => source.equals(sent))).toHaveLength(1);
    await client.logout();
  });

  it.each([
    ['a Bcc field', ['Bcc: nascosto@altrove.example'], [RECIPIENT]],
    ['a recipient that stands in no field', [], [RECIPIENT, 'nascosto@altrove.example']],
  ] as const)('refuses %s with a clear Italian text, and sends nothing', async (_what, headers, recipients) => {
    const before = stage.smtp.received.length;
    const raw = plainMessage({ subject: 'x', from: USER, to: RECIPIENT, headers: [...headers] });
    const outcome = await swaks(raw, [...recipients]);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stdout).toMatch(/^<[*~-]*\s*5\d\d .*(nascost|Ccn|copia)/im);
    expect(stage.smtp.received).toHaveLength(before);
  });

  it('refuses more than 500 recipients', async () => {
    const before = stage.smtp.received.length;
    const recipients = Array.from({ length: 501 }, (_, index) => `d${index}@altrove.example`);
    const transport = createTransport({
      host: '127.0.0.1',
      port: stage.archivia.smtpPort,
      secure: false,
      ignoreTLS: true,
      auth: { user: USER, pass: PASSWORD },
    });
    const raw = plainMessage({ subject: 'troppi', from: USER, to: recipients.join(',\r\n ') });
    const sending = transport.sendMail({ envelope: { from: USER, to: recipients }, raw });
    // Some recipients may have been taken before the limit: then the message itself must not go.
    const outcome = await sending.then(
      info => info.rejected.map(String),
      error => String(error),
    );
    if (Array.isArray(outcome)) expect(outcome).not.toEqual([]);
    else expect(outcome).toMatch(/500|destinatari/);
    for (const message of stage.smtp.received.slice(before)) expect(message.to.length).toBeLessThanOrEqual(500);
    expect(stage.smtp.received.slice(before).map(message => message.to.length)).toEqual([]);
  });

  it("passes the upstream's refusal on, and archives nothing", async () => {
    const client = await stage.client();
    const before = (await sources(client, 'Archivio')).size;
    stage.smtp.refuse = { code: 552, text: '5.3.4 troppo grande per noi' };
    const outcome = await swaks(plainMessage({ subject: 'y', from: USER, to: RECIPIENT }), [RECIPIENT]);
    stage.smtp.refuse = null;
    expect(outcome.stdout).toMatch(/552 .*troppo grande per noi/);
    expect((await sources(client, 'Archivio')).size).toBe(before);
    await client.logout();
  });

  it('does not replay a refused password', async () => {
    const before = stage.smtp.authentications;
    for (let round = 0; round < 3; round++) {
      const outcome = await swaks(plainMessage({ subject: 'z', from: USER, to: RECIPIENT }), [RECIPIENT], 'sbagliata');
      expect(outcome.stdout).toMatch(/^<[*~-]*\s*535 /m);
    }
    expect(stage.smtp.authentications).toBe(before + 1);
  });
});
