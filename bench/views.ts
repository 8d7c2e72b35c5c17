/**
 * FETCH from a view, against Dovecot with the same messages and warm caches, and against WildDuck's imap-core with
 * them in memory.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGenerator, createTestAuthorities, type GeneratedMessage, PEOPLE } from '../src/pec/generator/index.ts';
import { DOMAIN, startArchivia } from '../test/support/archivia.ts';
import { startDovecot } from '../test/support/dovecot.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import { BenchClient } from './imap-client.ts';
import { fillArchive } from './ingest.ts';
import { LiteralDigests } from './literals.ts';
import { startImapCore } from './peers/imap-core.ts';
import type { Row, Scale } from './report.ts';
import { median, percentile } from './statistics.ts';

/** Of many messages, listed, and of large ones, downloaded. */
const LISTED = `mario.rossi@${DOMAIN}`;
const DOWNLOADED = `anna.bianchi@${DOMAIN}`;
const PASSWORD = 'segreta';
const LISTING = 'FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)';
const HEADERS = 'FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID)])';
const BODIES = 'FETCH 1:* BODY.PEEK[]';

interface Server {
  readonly name: string;
  readonly port: number;
  readonly mailbox: string;
}

interface Comparison {
  readonly what: string;
  readonly command: string;
  readonly user: string;
  readonly servers: readonly Server[];
  /** Octets of the answer's literals are the same. */
  readonly identical?: boolean;
}

export async function benchViews(scale: Scale): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const authorities = await createTestAuthorities();
  const corpus = (seed: number, messages: number, meanSize: number) =>
    createGenerator({ authorities, seed, mailbox }).corpus(messages, { meanSize });
  const [downloads, downloadSize] = scale.large ? [20_000, 50_000] : scale.quick ? [1_000, 50_000] : [4_000, 50_000];
  const rows: Row[] = [];
  const directory = await temporaryDirectory('views');
  const dovecot = await startDovecot({ users: { [LISTED]: PASSWORD, [DOWNLOADED]: PASSWORD } });

  /** On its way to the archive each message is delivered to Dovecot as well. */
  async function* delivered(
    user: string,
    messages: Iterable<GeneratedMessage>,
    eml?: string,
  ): AsyncGenerator<GeneratedMessage> {
    let octets = 0;
    let count = 0;
    for (const message of messages) {
      await dovecot.deliver(user, 'INBOX', message.raw, { internalDate: message.internalDate, flags: ['\\Seen'] });
      if (eml !== undefined) await writeFile(join(eml, `${String(count).padStart(6, '0')}.eml`), message.raw);
      count += 1;
      octets += message.raw.length;
      yield message;
    }
    rows.push({ what: `messages of ${user}`, value: `${count}`, note: `${Math.round(octets / 1e6)} MB` });
  }

  const archivia = await startArchivia({
    dovecot,
    archive: { auto: { incoming: false, sent: false } },
    prepare: async dataDir => {
      const eml = join(directory.path, 'eml');
      await mkdir(eml);
      const listed = corpus(4, scale.quick ? 1_000 : 20_000, 20_000);
      await fillArchive(dataDir, LISTED, delivered(LISTED, listed, eml));
      await fillArchive(dataDir, DOWNLOADED, delivered(DOWNLOADED, corpus(5, downloads, downloadSize)));
    },
  });
  const peer = await startImapCore(join(directory.path, 'eml'));
  try {
    const view = { name: 'Archivia', port: archivia.imapPort, mailbox: 'Archivio' };
    const direct = { name: 'Dovecot', port: dovecot.imapPort, mailbox: 'INBOX' };
    const core = { name: 'imap-core', port: peer.port, mailbox: 'INBOX' };
    const comparisons: readonly Comparison[] = [
      { what: 'ENVELOPE, BODYSTRUCTURE', command: LISTING, user: LISTED, servers: [view, direct, core] },
      { what: 'HEADER.FIELDS', command: HEADERS, user: LISTED, servers: [view, direct, core] },
      { what: 'BODY[]', command: BODIES, user: DOWNLOADED, servers: [view, direct], identical: true },
    ];
    for (const comparison of comparisons) rows.push(...(await compare(comparison, scale.runs)));
    rows.push(await others(view));
    return rows;
  } finally {
    await Promise.all([peer.stop(), archivia.stop(), dovecot.stop()]);
    await directory.remove();
  }
}

/** In turn, with the same client, after one round that warms the caches and looks at what comes. */
async function compare({ what, command, user, servers, identical }: Comparison, runs: number): Promise<Row[]> {
  const times = new Map<string, number[]>(servers.map(server => [server.name, []]));
  const clients: BenchClient[] = [];
  const digests = new Set<string>();
  for (const { port, mailbox } of servers) {
    const client = await BenchClient.login(port, null, user, PASSWORD);
    await client.command(`EXAMINE ${mailbox}`);
    const literals = new LiteralDigests();
    await client.command(command, identical ? chunk => literals.take(chunk) : undefined);
    digests.add(literals.digest);
    clients.push(client);
  }
  if (digests.size > 1) throw new Error(`${what}: the servers gave different octets`);
  let octets = 0;
  for (let run = 0; run < runs; run++) {
    for (const [index, { name }] of servers.entries()) {
      const measured = await clients[index]?.measure(command);
      times.get(name)?.push(measured?.milliseconds ?? 0);
      octets = measured?.octets ?? 0;
    }
  }
  for (const client of clients) client.close();
  const p50 = (name: string) => median(times.get(name) ?? []);
  const ours = p50('Archivia');
  const size = identical ? ` ${Math.round(octets / 1e6)} MB, identical` : '';
  return servers.map(({ name }) => ({
    what: `FETCH ${what}${size}, ${name}`,
    value: `${p50(name).toFixed(0)} ms`,
    note: name === 'Archivia' ? '' : `Archivia's rate is ${(p50(name) / ours).toFixed(2)} of it`,
  }));
}

/** What another session waits for a NOOP while one downloads everything. */
async function others({ port, mailbox }: Server): Promise<Row> {
  const [downloading, other] = await Promise.all(
    [DOWNLOADED, LISTED].map(async user => {
      const client = await BenchClient.login(port, null, user, PASSWORD);
      await client.command(`EXAMINE ${mailbox}`);
      return client;
    }),
  );
  if (downloading === undefined || other === undefined) throw new Error('no sessions');
  const waits: number[] = [];
  const download = downloading.command(BODIES).then(() => true);
  for (let done = false; !done; ) {
    waits.push((await other.measure('NOOP')).milliseconds);
    done = await Promise.race([download, new Promise<false>(resolve => setTimeout(resolve, 5, false))]);
  }
  downloading.close();
  other.close();
  const value = `p50 ${percentile(waits, 0.5).toFixed(1)} ms, p99 ${percentile(waits, 0.99).toFixed(1)} ms`;
  return { what: 'NOOP of another session during BODY[]', value, note: `${waits.length} of them` };
}
