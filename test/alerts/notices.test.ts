import { createServer, type Server } from 'node:http';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Notices } from '../../src/alerts/notices.ts';
import { configSchema } from '../../src/config/schema.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore, Store } from '../../src/store/types.ts';
import { eventually } from '../support/processes.ts';
import { type SmtpUpstream, startSmtpUpstream } from '../support/smtp-upstream.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const MARIO = 'mario.rossi@pec.example.it';

describe('notices', () => {
  vi.stubEnv('ARCHIVIA_ALERTS_PASSWORD', 'segreta');
  let data: TemporaryDirectory;
  let store: Store;
  let account: AccountStore;
  let mail: SmtpUpstream;
  let hook: Server;
  let answer = 200;
  const posted: { id: string; kind: string }[] = [];
  const open: Notices[] = [];

  beforeEach(async () => {
    data = await temporaryDirectory('notices');
    store = await openStore(data.path, { threads: 1, prepareThreads: 1 });
    account = await store.account(MARIO, { create: true });
    mail = await startSmtpUpstream({ users: { avvisi: 'segreta' } });
    hook = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', chunk => chunks.push(chunk));
      request.on('end', () => {
        if (answer === 200) posted.push(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        response.writeHead(answer, { location: 'http://127.0.0.1:1/' }).end();
      });
    });
    await new Promise<void>(resolve => hook.listen(0, '127.0.0.1', resolve));
    answer = 200;
    posted.length = 0;
  });
  afterEach(async () => {
    for (const notices of open.splice(0)) await notices.stop();
    await new Promise(resolve => hook.close(resolve));
    await mail.stop();
    await store.close();
    await data.remove();
  });

  function notices(more: { maxPerHour?: number; to?: string[]; webhook?: boolean } = {}): Notices {
    const address = hook.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { alerts } = configSchema.parse({
      imap: { listen: [{ port: 0, tls: 'none' }] },
      alerts: {
        smtp: { host: '127.0.0.1', port: mail.port, tls: 'none', username: 'avvisi' },
        webhook: { url: `http://127.0.0.1:${port}/` },
        maxPerHour: more.maxPerHour ?? 1000,
        accounts: { [MARIO]: { to: more.to ?? ['a@posta.example', 'b@posta.example'], webhook: more.webhook ?? true } },
      },
    });
    const made = new Notices(MARIO, account, {
      config: alerts,
      logger: pino({ level: 'silent' }),
      backoff: { first: 10, longest: 40 },
    });
    open.push(made);
    return made;
  }
  const certified = (subject: string) =>
    ({ kind: 'certified', sender: 'anna@pec.example.it', subject, at: Date.now() }) as const;
  const waiting = async (): Promise<number> =>
    (await account.setting<{ queue: unknown[] }>('alerts.notices'))?.queue.length ?? 0;

  it('tries a channel again until it takes the notice, and does not repeat it on the other', async () => {
    answer = 503;
    const sender = notices();
    await sender.add('uno', certified('Atto'));
    await eventually('the letter', () => mail.received.length === 1);
    expect(mail.received[0]?.to).toEqual(['a@posta.example', 'b@posta.example']);
    await eventually('a failed request', () => sender.failing);
    answer = 200;
    await eventually('the request', () => posted.length === 1);
    await eventually('nothing to wait', async () => (await waiting()) === 0);
    await sender.add('uno', certified('Atto'));
    expect(await waiting()).toBe(0);
    expect(mail.received).toHaveLength(1);
    expect(sender.failing).toBe(false);
  });

  it('keeps what could not be sent across a restart, and gathers it in one letter', async () => {
    mail.refuse = { code: 451, text: 'later' };
    const before = notices({ webhook: false });
    for (const subject of ['primo', 'secondo', 'terzo']) await before.add(subject, certified(subject));
    await eventually('a failure', () => before.failing);
    await before.stop();
    expect(await waiting()).toBe(3);
    mail.refuse = null;
    notices({ webhook: false }).wake();
    await eventually('nothing to wait', async () => (await waiting()) === 0);
    const text = mail.received.map(({ raw }) => raw.toString('utf8')).join('\n');
    for (const subject of ['primo', 'secondo', 'terzo']) expect(text.split(subject)).toHaveLength(2);
  });

  it('goes by webhook though the mail server is down', async () => {
    mail.refuse = { code: 451, text: 'later' };
    const sender = notices();
    await sender.add('uno', certified('Atto'));
    await eventually('the request', () => posted.length === 1);
    expect(await waiting()).toBe(1);
  });

  it('does not go where a webhook redirects to', async () => {
    answer = 302;
    const sender = notices({ to: [] });
    await sender.add('uno', certified('Atto'));
    await eventually('a failure', () => sender.failing);
    expect(await waiting()).toBe(1);
  });

  it('sends no more in an hour than allowed; the rest waits', async () => {
    const sender = notices({ maxPerHour: 1, to: [] });
    await sender.add('uno', certified('uno'));
    await eventually('the first request', async () => (await waiting()) === 0);
    await sender.add('due', certified('due'));
    await sender.add('tre', certified('tre'));
    await sender.stop();
    expect(posted.map(({ id }) => id)).toEqual(['uno']);
    expect(await waiting()).toBe(2);
  });
});
