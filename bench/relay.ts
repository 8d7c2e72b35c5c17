/**
 * FETCH of a whole mailbox and single small commands: through Archivia, through Dovecot's own login proxy (C), and
 * direct, all in front of the same Dovecot.
 */
import { readFile } from 'node:fs/promises';
import { createGenerator, createTestAuthorities, PEOPLE } from '../src/pec/generator/index.ts';
import { DOMAIN, startArchivia } from '../test/support/archivia.ts';
import { startDovecot } from '../test/support/dovecot.ts';
import { BenchClient } from './imap-client.ts';
import { LiteralDigests } from './literals.ts';
import type { Row, Scale } from './report.ts';
import { median, percentile } from './statistics.ts';

const USER = `mario.rossi@${DOMAIN}`;
const PASSWORD = 'segreta';
const FETCH_ALL = 'FETCH 1:* BODY.PEEK[]';
const SMALL_COMMANDS = ['NOOP', 'FETCH 1 FLAGS', 'STORE 1 +FLAGS.SILENT (\\Flagged)'];

interface Way {
  readonly name: string;
  readonly port: number;
  /** Null: clear text. */
  readonly ca: string | null;
}

export async function benchRelay(scale: Scale): Promise<Row[]> {
  const size = scale.quick ? 20_000_000 : 1_000_000_000;
  const dovecot = await startDovecot({ tls: true, users: { [USER]: PASSWORD } });
  const peer = await startDovecot({ tls: true, proxyTo: dovecot.imapPort });
  const archivia = await startArchivia({
    dovecot: { ...dovecot, imapsPort: null, caFile: null },
    archive: { auto: { incoming: false, sent: false } },
  });
  try {
    const messages = await fill(size, raw => dovecot.deliver(USER, 'INBOX', raw));
    const authority = async (file: string | null) => readFile(file ?? '', 'utf8');
    const ways = async (tls: boolean): Promise<Way[]> => [
      tls
        ? { name: 'direct', port: dovecot.imapsPort ?? 0, ca: await authority(dovecot.caFile) }
        : { name: 'direct', port: dovecot.imapPort, ca: null },
      tls
        ? { name: 'Dovecot proxy', port: peer.imapsPort ?? 0, ca: await authority(peer.caFile) }
        : { name: 'Dovecot proxy', port: peer.imapPort, ca: null },
      tls
        ? { name: 'Archivia', port: archivia.imapsPort, ca: archivia.ca }
        : { name: 'Archivia', port: archivia.imapPort, ca: null },
    ];
    const rows: Row[] = [{ what: 'mailbox', value: `${Math.round(size / 1e6)} MB`, note: `${messages} messages` }];
    for (const tls of [true, false]) {
      const kind = tls ? 'TLS to the client' : 'plain';
      rows.push(...(await fetchRows(await ways(tls), kind, scale.runs)));
    }
    rows.push(...(await commandRows(await ways(true), scale)));
    return rows;
  } finally {
    await Promise.all([archivia.stop(), peer.stop(), dovecot.stop()]);
  }
}

async function fetchRows(ways: readonly Way[], kind: string, runs: number): Promise<Row[]> {
  const digests = new Set<string>();
  for (const way of ways) digests.add(await digest(way));
  if (digests.size !== 1) throw new Error('the ways differ in what they deliver');
  const rates = new Map<string, number[]>(ways.map(way => [way.name, []]));
  for (let run = 0; run < runs; run++) {
    for (const way of ways) {
      const client = await open(way);
      const { octets, milliseconds } = await client.measure(FETCH_ALL);
      rates.get(way.name)?.push(octets / 1e6 / (milliseconds / 1000));
      client.close();
    }
  }
  const rate = (name: string) => median(rates.get(name) ?? []);
  return [
    ...ways.map(({ name }) => ({
      what: `FETCH BODY.PEEK[], ${kind}, ${name}`,
      value: `${rate(name).toFixed(0)} MB/s`,
    })),
    {
      what: `Archivia to Dovecot's proxy, ${kind}`,
      value: (rate('Archivia') / rate('Dovecot proxy')).toFixed(2),
      note: 'bytes equal',
    },
    { what: `Archivia to direct, ${kind}`, value: (rate('Archivia') / rate('direct')).toFixed(2) },
  ];
}

/** One command after the other on an open connection: what each way adds to the direct one at p50. */
async function commandRows(ways: readonly Way[], scale: Scale): Promise<Row[]> {
  const count = scale.quick ? 200 : 2_000;
  const rows: Row[] = [];
  for (const command of SMALL_COMMANDS) {
    const medians = new Map<string, number[]>(ways.map(way => [way.name, []]));
    const clients = await Promise.all(ways.map(open));
    for (let run = 0; run < scale.runs; run++) {
      for (const [index, way] of ways.entries()) {
        const times: number[] = [];
        for (let turn = 0; turn < count; turn++)
          times.push((await clients[index]?.measure(command))?.milliseconds ?? 0);
        medians.get(way.name)?.push(percentile(times, 0.5));
      }
    }
    for (const client of clients) client.close();
    const p50 = (name: string) => median(medians.get(name) ?? []);
    rows.push({
      what: `${command.split(' (')[0]}, added at p50`,
      value: `${(p50('Archivia') - p50('direct')).toFixed(3)} ms`,
      note: `Dovecot's proxy adds ${(p50('Dovecot proxy') - p50('direct')).toFixed(3)} ms; direct ${p50('direct').toFixed(3)} ms`,
    });
  }
  return rows;
}

async function open(way: Way): Promise<BenchClient> {
  const client = await BenchClient.login(way.port, way.ca, USER, PASSWORD);
  await client.command('SELECT INBOX');
  return client;
}

/** SHA-256 of all messages of the answer; what stands between them tells Dovecot's own time, and its progress now and then. */
async function digest(way: Way): Promise<string> {
  const client = await open(way);
  const literals = new LiteralDigests();
  await client.command(FETCH_ALL, chunk => literals.take(chunk));
  client.close();
  return literals.digest;
}

/** Delivers signed PEC traffic of 75 KB a message until there is enough. @returns how many */
async function fill(size: number, deliver: (raw: Uint8Array) => Promise<void>): Promise<number> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 1, mailbox });
  let octets = 0;
  let messages = 0;
  for (const { raw } of generator.corpus(Math.ceil(size / 20_000), { meanSize: 75_000 })) {
    await deliver(raw);
    messages += 1;
    octets += raw.length;
    if (octets >= size) break;
  }
  return messages;
}
