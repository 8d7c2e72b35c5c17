/** Many accounts that catch up at once, while a few clients work. Server and clients in one process. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { stringify } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { startServer } from '../src/server.ts';
import { openVault } from '../src/store/accounts/vault.ts';
import { openStore } from '../src/store/index.ts';
import { configuration, DOMAIN } from '../test/support/archivia.ts';
import { makeServerCertificates } from '../test/support/certificates.ts';
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { plainMessage } from '../test/support/messages.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import { BenchClient } from './imap-client.ts';
import type { Row, Scale } from './report.ts';
import { percentile } from './statistics.ts';

const PASSWORD = 'segreta';
const CLIENTS = 5;
const userOf = (index: number): string => `casella${index}@${DOMAIN}`;

export async function benchArchiver(scale: Scale): Promise<Row[]> {
  const rows = await atOnce(scale.quick ? 10 : 50, scale.quick ? 400 : 4_000);
  return [...rows, ...(await atOnce(scale.quick ? 100 : 500, 2))];
}

async function atOnce(accounts: number, messages: number): Promise<Row[]> {
  const dovecot = await startDovecot({ users: { [userOf(0)]: PASSWORD }, sessions: 2_000 });
  const data = await temporaryDirectory('archiver-bench');
  try {
    await fillMailboxes(dovecot, accounts, messages);
    await enrol(data.path, accounts);
    const configFile = join(data.path, 'archivia.yaml');
    await makeServerCertificates(data.path);
    await writeFile(
      configFile,
      stringify({
        ...configuration(data.path, { dovecot, conservation: { policy: { incoming: 'none' } } }),
        log: { level: 'warn' },
      }),
    );
    return await catchUp(configFile, accounts, messages);
  } finally {
    await dovecot.stop();
    await data.remove();
  }
}

async function fillMailboxes(dovecot: Dovecot, accounts: number, messages: number): Promise<void> {
  for (let index = 0; index < messages; index++) {
    const body = `Riga ${index} di un messaggio breve, come ne arrivano molti.\r\n`.repeat(20 + (index % 40));
    await dovecot.deliver(userOf(0), 'INBOX', plainMessage({ subject: `messaggio ${index}`, body }));
  }
  for (let index = 1; index < accounts; index++) await dovecot.cloneUser(userOf(0), userOf(index), PASSWORD);
}

/** As after a long pause: the password is known, and nothing of the INBOX has been seen to. */
async function enrol(dataDir: string, accounts: number): Promise<void> {
  const store = await openStore(dataDir);
  try {
    const vault = await openVault(dataDir, {}, store);
    for (let index = 0; index < accounts; index++) {
      const account = await store.account(userOf(index), { create: true });
      await account.setSetting('account', { login: userOf(index), upstream: 'prova' });
      await account.setCursor({ folder: 'INBOX', uidValidity: 1, lastUid: 0 });
      await vault.remember(userOf(index), PASSWORD);
    }
  } finally {
    await store.close();
  }
}

async function catchUp(configFile: string, accounts: number, messages: number): Promise<Row[]> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const times: number[] = [];
  let memory = 0;
  const start = performance.now();
  const server = await startServer(await loadConfig(configFile), { logger: pino({ level: 'silent' }) });
  try {
    delay.enable();
    let busy = true;
    const headers = Math.min(20, messages);
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      const client = await BenchClient.login(server.ports.imap[0] ?? 0, null, userOf(index), PASSWORD);
      await client.command('SELECT INBOX');
      while (busy) {
        times.push((await client.measure(`FETCH 1:${headers} (FLAGS BODY.PEEK[HEADER])`)).milliseconds);
        await sleep(20);
      }
      client.close();
    });
    const archived = async (): Promise<number> => {
      let sum = 0;
      for (let index = 0; index < accounts; index++) {
        const [status] = await (await server.store.account(userOf(index))).status([{ tree: 'archive' }]);
        sum += status?.messages ?? 0;
      }
      return sum;
    };
    while ((await archived()) < accounts * messages) {
      memory = Math.max(memory, process.memoryUsage.rss());
      await sleep(1_000);
    }
    const seconds = (performance.now() - start) / 1000;
    busy = false;
    await Promise.all(clients);
    delay.disable();
    const total = accounts * messages;
    return [
      {
        what: 'catching up',
        value: `${(total / seconds).toFixed(0)} messages/s`,
        note: `${accounts} accounts with ${messages} messages each in ${seconds.toFixed(0)} s, beside the clients`,
      },
      { what: 'resident memory, highest', value: `${(memory / 2 ** 20).toFixed(0)} MiB`, note: `${accounts} accounts` },
      { what: 'event loop delay, p99', value: `${(delay.percentile(99) / 1e6).toFixed(1)} ms` },
      {
        what: `FETCH of ${headers} headers upstream, ${CLIENTS} clients`,
        value: `p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`,
        note: `${times.length} round trips`,
      },
    ];
  } finally {
    await server.stop();
  }
}
