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
import { startImapCore } from './peers/imap-core.ts';
import type { Row, Scale } from './report.ts';
import { median } from './statistics.ts';

const USER = `mario.rossi@${DOMAIN}`;
const PASSWORD = 'segreta';
const LISTING = 'FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)';
const HEADERS = 'FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID)])';
const BODIES = 'FETCH 1:* BODY.PEEK[]';

interface Server {
  readonly name: string;
  readonly port: number;
  readonly mailbox: string;
}

export async function benchViews(scale: Scale): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 4, mailbox });
  const corpus = () => generator.corpus(scale.quick ? 1_000 : 20_000, { meanSize: scale.quick ? 20_000 : 50_000 });
  const rows: Row[] = [];
  const directory = await temporaryDirectory('views');
  const dovecot = await startDovecot({ users: { [USER]: PASSWORD } });
  let octets = 0;
  const archivia = await startArchivia({
    dovecot,
    archive: { auto: { incoming: false, sent: false } },
    prepare: async dataDir => {
      const messages: GeneratedMessage[] = [];
      await mkdir(join(directory.path, 'eml'));
      for (const message of corpus()) {
        await dovecot.deliver(USER, 'INBOX', message.raw, { internalDate: message.internalDate, flags: ['\\Seen'] });
        const name = `${String(messages.length).padStart(6, '0')}.eml`;
        await writeFile(join(directory.path, 'eml', name), message.raw);
        messages.push(message);
        octets += message.raw.length;
      }
      await fillArchive(dataDir, USER, messages);
      rows.push({ what: 'messages', value: `${messages.length}`, note: `${Math.round(octets / 1e6)} MB` });
    },
  });
  const peer = await startImapCore(join(directory.path, 'eml'));
  try {
    const view = { name: 'Archivia', port: archivia.imapPort, mailbox: 'Archivio' };
    const direct = { name: 'Dovecot', port: dovecot.imapPort, mailbox: 'INBOX' };
    const core = { name: 'imap-core', port: peer.port, mailbox: 'INBOX' };
    rows.push(...(await compare('ENVELOPE, BODYSTRUCTURE', LISTING, [view, direct, core], scale.runs)));
    rows.push(...(await compare('HEADER.FIELDS', HEADERS, [view, direct, core], scale.runs)));
    rows.push(...(await compare('BODY[]', BODIES, [view, direct], scale.runs)));
    return rows;
  } finally {
    await Promise.all([peer.stop(), archivia.stop(), dovecot.stop()]);
    await directory.remove();
  }
}

/** In turn, after one round that warms the caches. */
async function compare(what: string, command: string, servers: readonly Server[], runs: number): Promise<Row[]> {
  const times = new Map<string, number[]>(servers.map(server => [server.name, []]));
  const clients = await Promise.all(
    servers.map(async server => {
      const client = await BenchClient.login(server.port, null, USER, PASSWORD);
      await client.command(`EXAMINE ${server.mailbox}`);
      await client.measure(command);
      return client;
    }),
  );
  for (let run = 0; run < runs; run++) {
    for (const [index, server] of servers.entries()) {
      times.get(server.name)?.push((await clients[index]?.measure(command))?.milliseconds ?? 0);
    }
  }
  for (const client of clients) client.close();
  const p50 = (name: string) => median(times.get(name) ?? []);
  const ours = p50('Archivia');
  return servers.map(({ name }) => ({
    what: `FETCH ${what}, ${name}`,
    value: `${p50(name).toFixed(0)} ms`,
    note: name === 'Archivia' ? '' : `Archivia's rate is ${(p50(name) / ours).toFixed(2)} of it`,
  }));
}
