/** What idle sessions hold, and whether one client's heavy work is felt by another. */
import { createGenerator, createTestAuthorities, PEOPLE } from '../src/pec/generator/index.ts';
import { DOMAIN, startArchivia } from '../test/support/archivia.ts';
import { startDovecot } from '../test/support/dovecot.ts';
import { BenchClient } from './imap-client.ts';
import { fillArchive } from './ingest.ts';
import type { Row, Scale } from './report.ts';
import { percentile } from './statistics.ts';

const USER = `mario.rossi@${DOMAIN}`;
const PASSWORD = 'segreta';

export async function benchSessions(scale: Scale): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 5, mailbox });
  const messages = scale.quick ? 1_000 : 20_000;
  const dovecot = await startDovecot({
    tls: true,
    sessions: 2_000,
    userSessions: 2_000,
    users: { [USER]: PASSWORD },
  });
  const archivia = await startArchivia({
    dovecot,
    archive: { auto: { incoming: false, sent: false } },
    prepare: dataDir => fillArchive(dataDir, USER, generator.corpus(messages, { meanSize: 50_000 })),
  });
  try {
    const open = () => BenchClient.login(archivia.imapsPort, archivia.ca, USER, PASSWORD);
    return [...(await fairness(open, scale)), ...(await idle(open, () => archivia.memory(), scale))];
  } finally {
    await Promise.all([archivia.stop(), dovecot.stop()]);
  }
}

/** NOOP round trips of one client while others search the whole text and fetch the whole archive, over and over. */
async function fairness(open: () => Promise<BenchClient>, scale: Scale): Promise<Row[]> {
  const bystander = await open();
  await bystander.command('SELECT Conservazione');
  const quiet = await roundTrips(bystander, scale.quick ? 500 : 2_000, () => true);
  let busy = true;
  const heavy = ['FETCH 1:* BODY.PEEK[]', 'SEARCH OR TEXT "e" NOT BODY "zz"'].map(async command => {
    const client = await open();
    await client.command('EXAMINE Archivio');
    while (busy) await client.command(command);
    client.close();
  });
  const loaded = await roundTrips(
    bystander,
    Number.POSITIVE_INFINITY,
    elapsed => elapsed < (scale.quick ? 3_000 : 20_000),
  );
  busy = false;
  await Promise.all(heavy);
  bystander.close();
  const row = (what: string, times: readonly number[]): Row => ({
    what,
    value: `p50 ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms`,
    note: `${times.length} round trips, client on the same cores`,
  });
  return [row('NOOP in a view, quiet', quiet), row('NOOP in a view beside a heavy SEARCH and FETCH', loaded)];
}

async function roundTrips(client: BenchClient, count: number, goOn: (elapsed: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  const start = performance.now();
  while (times.length < count && goOn(performance.now() - start)) {
    times.push((await client.measure('NOOP')).milliseconds);
  }
  return times;
}

async function idle(open: () => Promise<BenchClient>, memory: () => Promise<number>, scale: Scale): Promise<Row[]> {
  const count = scale.quick ? 100 : 1_000;
  // The first sessions pay for code and pools.
  const clients = [];
  for (let made = 0; made < 50; made++) clients.push(await open());
  const before = await memory();
  for (let made = 0; made < count; made++) {
    const client = await open();
    await client.command('SELECT INBOX');
    clients.push(client);
  }
  const after = await memory();
  for (const client of clients) client.close();
  return [
    {
      what: 'memory an idle session, TLS on both sides',
      value: `${((after - before) / count / 1024).toFixed(0)} KiB`,
      note: `${count} sessions with INBOX selected`,
    },
  ];
}
