import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unreadCertified } from '../../src/alerts/unread.ts';
import { configSchema } from '../../src/config/schema.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { asStore, MemoryStore } from '../accounts/memory-store.ts';
import { createGestore, type Gestore, plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { type SmtpUpstream, startSmtpUpstream } from '../support/smtp-upstream.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { PASSWORD, type Stage, startStage, USER } from './stage.ts';

const LIMIT = 100_000;
const CONTACT = 'Studio Prova, telefono 06 000000';
const ACCEPTED_SENDER = 'anna.bianchi@pec.gestore-due.example';

interface Request {
  readonly body: string;
  readonly signature: string;
}

describe('alerts', () => {
  let temporary: TemporaryDirectory;
  let stage: Stage;
  let gestore: Gestore;
  let ordinary: SmtpUpstream;
  let hook: Server;
  const requests: Request[] = [];

  beforeAll(async () => {
    temporary = await temporaryDirectory('alerts');
    await writeFile(join(temporary.path, 'secret'), 'segreto-webhook\n');
    await writeFile(join(temporary.path, 'password'), 'segreto-posta\n');
    ordinary = await startSmtpUpstream({ users: { avvisi: 'segreto-posta' } });
    hook = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', chunk => chunks.push(chunk));
      request.on('end', () => {
        requests.push({
          body: Buffer.concat(chunks).toString('utf8'),
          signature: String(request.headers['x-archivia-signature']),
        });
        response.end();
      });
    });
    await new Promise<void>(resolve => hook.listen(0, '127.0.0.1', resolve));
    const address = hook.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    gestore = await createGestore();
    stage = await startStage({
      conservation: { gestoriCaFile: gestore.caFile },
      more: {
        plans: { piccolo: { archiveBytes: LIMIT } },
        defaultPlan: 'piccolo',
        alerts: {
          contact: CONTACT,
          from: 'archivia@posta.example',
          smtp: {
            host: '127.0.0.1',
            port: ordinary.port,
            tls: 'none',
            username: 'avvisi',
            passwordFile: join(temporary.path, 'password'),
          },
          webhook: { url: `http://127.0.0.1:${address.port}/avvisi`, secretFile: join(temporary.path, 'secret') },
          accounts: { [USER]: { to: ['mario@posta.example'], webhook: true, senders: [ACCEPTED_SENDER] } },
        },
      },
    });
    // The first login makes the account; what comes from then on is archived.
    const client = await stage.client();
    await eventually('the archiver to look', () => stage.archivia.log.some(line => line.includes('"connected"')));
    await client.logout();
  });
  afterAll(async () => {
    await stage?.stop();
    await gestore?.close();
    await ordinary?.stop();
    await new Promise(resolve => hook?.close(resolve));
    await temporary?.remove();
  });

  const alerts = async (about: string): Promise<string[]> => {
    const stored = await stage.dovecot.stored(USER, 'INBOX');
    const letters = stored.map(raw => String(raw).replace(/=\r?\n/g, ''));
    return letters.filter(raw => raw.includes('From: Archivia') && raw.includes(about));
  };
  const alert = (about: string, times = 1) =>
    eventually(`${times} alerts "${about}"`, async () => {
      const found = await alerts(about);
      return found.length === times ? found : null;
    });
  const deliver = (subject: string, octets: number) => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(Math.ceil(octets / 72));
    return stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject, body }));
  };
  const archived = async (subject: string): Promise<number[]> => {
    const client = await stage.client();
    try {
      await client.mailboxOpen('Archivio');
      return (await client.search({ subject }, { uid: true })) || [];
    } finally {
      await client.logout();
    }
  };

  it('tells of a new certified message of a chosen sender, once, and never its content', async () => {
    const from = ACCEPTED_SENDER;
    await stage.dovecot.deliver(USER, 'INBOX', await gestore.busta({ subject: 'altro', from: 'x@pec.example.it' }));
    const busta = await gestore.busta({ subject: 'Notifica di atto', body: 'testo riservato', from });
    await stage.dovecot.deliver(USER, 'INBOX', busta);
    await eventually('the letter', () => ordinary.received.length > 0);
    await eventually('the request', () => requests.length > 0);
    expect(ordinary.received[0]).toMatchObject({ user: 'avvisi', from: 'archivia@posta.example' });
    expect(ordinary.received[0]?.to).toEqual(['mario@posta.example']);
    const letter = String(ordinary.received[0]?.raw);
    expect(letter).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(letter).toContain(from);
    expect(letter).toContain('Notifica di atto');
    expect(letter).not.toMatch(/riservato|altro/);
    const { body, signature } = requests[0] ?? { body: '', signature: '' };
    expect(JSON.parse(body)).toMatchObject({
      account: USER,
      kind: 'certified',
      sender: from,
      subject: 'Notifica di atto',
    });
    const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    expect(digest).toBe(createHmac('sha256', 'segreto-webhook').update(`${seconds}.${body}`).digest('hex'));
    expect(stage.archivia.log.join('\n')).not.toMatch(/segreto-/);
  });

  it('finds the certified messages upstream that nobody has read, without touching them', async () => {
    await stage.dovecot.deliver(USER, 'INBOX', await gestore.accettazione({ subject: 'ricevuta' }));
    const remote = { host: '127.0.0.1', port: stage.dovecot.imapPort, tls: 'none' } as const;
    const submission = { maxRecipients: 1, maxSize: 1 };
    const upstream = { kind: 'remote', name: 'x', imap: remote, smtp: null, sentFolder: null, submission } as const;
    const store = new MemoryStore();
    const config = configSchema.parse({ imap: { listen: [{ port: 0, tls: 'none' }] } });
    const vault = await openVault(temporary.path, {}, asStore(store));
    await store.account(USER, { create: true });
    await vault.remember(USER, PASSWORD);
    const directory = createAccountDirectory(config, asStore(store), new Map());
    const services = { directory, vault, guard: createLoginGuard({ ttlMs: 1000 }) };
    const look = () => unreadCertified({ address: USER, login: USER, upstream, plan: null }, services);
    for (const _time of ['first', 'second']) {
      const { count, messages } = await look();
      expect(count).toBe(2);
      expect(messages).toContainEqual({ sender: ACCEPTED_SENDER, subject: 'Notifica di atto' });
    }
  });

  it('alerts at 70 %, at 90 % and when full; archiving stops, and goes on when there is room', async () => {
    await deliver('grande', 66_000);
    const [first] = await alert('oltre il 70 %');
    expect(first).toContain(CONTACT);
    await deliver('media', 14_000);
    await alert('oltre il 90 %');
    await deliver('troppo', 30_000);
    await alert('archivio pieno');
    expect(await archived('troppo')).toEqual([]);
    const client = await stage.client();
    await client.mailboxOpen('Archivio');
    await client.messageDelete(await archived('grande'), { uid: true });
    await client.logout();
    await eventually('the archiver to go on', async () => (await archived('troppo')).length > 0, 30_000);
    await deliver('ancora', 15_000);
    await alert('oltre il 70 %', 2);
    expect(await alerts('oltre il 90 %')).toHaveLength(1);
  });

  it('repeats nothing after a crash', async () => {
    await stage.archivia.kill();
    await stage.archivia.start();
    await deliver('dopo', 1_000);
    await eventually('the archiver to go on', async () => (await archived('dopo')).length > 0);
    await deliver('poi', 1_000);
    await eventually('the archiver to go on', async () => (await archived('poi')).length > 0);
    expect(await alerts('Archivia: ')).toHaveLength(4);
    expect(ordinary.received).toHaveLength(1);
    expect(requests).toHaveLength(1);
  });
});
