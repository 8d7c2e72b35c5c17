/**
 * SEARCH over IMAP in a view of an archive of buste, by class of needle, and the same beside it in Dovecot over the same
 * messages: without an index, and with the one of Debian's dovecot-fts-xapian where that is installed (it takes minutes
 * for a thousand messages to make one: only with --quick and --large).
 */
import { createGenerator, createTestAuthorities, type GeneratedMessage, PEOPLE } from '../src/pec/generator/index.ts';
import { DOMAIN, startArchivia } from '../test/support/archivia.ts';
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { RawImap } from '../test/support/raw-imap.ts';
import { fillArchive } from './ingest.ts';
import { needleClasses, type Samples } from './needles.ts';
import { xapianInstalled } from './peers/xapian.ts';
import type { Row, Scale } from './report.ts';
import { median, percentile, timed } from './statistics.ts';
import { TextMaker } from './text.ts';

const USER = `mario.rossi@${DOMAIN}`;
const PASSWORD = 'segreta';
/** Needles of a class that Dovecot is asked for: without an index it reads every message for each. */
const ASKED = 3;
const PATIENCE_MS = 600_000;

export async function benchSearch(scale: Scale): Promise<Row[]> {
  const count = scale.quick ? 1_000 : scale.large ? 100_000 : 20_000;
  const maker = new TextMaker(3, 30_000);
  const samples: Samples = { texts: [], senders: [] };
  const users = { [USER]: PASSWORD };
  const plain = await startDovecot({ users });
  const withXapian = (scale.quick || scale.large) && (await xapianInstalled());
  const indexed = withXapian ? await startDovecot({ users, xapian: true }) : null;
  try {
    const archivia = await startArchivia({
      dovecot: plain,
      archive: { auto: { incoming: false, sent: false } },
      prepare: dataDir =>
        fillArchive(dataDir, USER, delivered(buste(count, maker, samples), indexed ? [plain, indexed] : [plain])),
    });
    try {
      const view = await Mailbox.open('Archivio', archivia.imapPort);
      if (view.messages !== count) throw new Error(`${view.messages} messages, not ${count}`);
      const peers: Peers = {
        plain: await Mailbox.open('INBOX', plain.imapPort),
        indexed: indexed && (await Mailbox.open('INBOX', indexed.imapPort)),
      };
      const rows: Row[] = [{ what: 'view', value: `${count} messages`, note: 'buste with 250 words each, nested' }];
      if (peers.indexed) {
        const seconds = (await timed(() => search(peers.indexed, 'parolachenonesiste'))) / 1000;
        rows.push({ what: 'Xapian, its first search', value: `${seconds.toFixed(0)} s`, note: 'makes the index' });
      } else rows.push({ what: 'Xapian', value: 'left out', note: 'with --quick or --large, where it is installed' });
      for (const [name, needles] of Object.entries(needleClasses(maker, samples))) {
        const { p50, row } = await latency(view, name, needles, scale.runs);
        rows.push(row, ...(await compare(view, peers, name, needles.slice(0, ASKED), p50)));
      }
      for (const { client } of [view, peers.plain, peers.indexed].filter(mailbox => mailbox !== null)) client.close();
      return rows;
    } finally {
      await archivia.stop();
    }
  } finally {
    await indexed?.stop();
    await plain.stop();
  }
}

interface Peers {
  readonly plain: Mailbox;
  readonly indexed: Mailbox | null;
}

/** A mailbox that is open, and the Message-IDs behind its UIDs. */
class Mailbox {
  readonly client: RawImap;
  readonly messages: number;
  readonly #ids: ReadonlyMap<number, string>;

  private constructor(client: RawImap, messages: number, ids: ReadonlyMap<number, string>) {
    this.client = client;
    this.messages = messages;
    this.#ids = ids;
  }

  static async open(name: string, port: number): Promise<Mailbox> {
    const client = await RawImap.login(port, USER, PASSWORD);
    const selected = await client.ok(`EXAMINE ${name}`, PATIENCE_MS);
    const messages = Number(/\* (\d+) EXISTS/.exec(selected.raw.toString('latin1'))?.[1]);
    const reply = await client.ok('FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])', PATIENCE_MS);
    const ids = new Map<number, string>();
    for (const response of reply.untagged) {
      const text = response.toString('latin1');
      ids.set(Number(/UID (\d+)/.exec(text)?.[1]), /message-id:\s*(\S+)/i.exec(text)?.[1] ?? '');
    }
    return new Mailbox(client, messages, ids);
  }

  idsOf(uids: readonly number[]): Set<string> {
    return new Set(uids.map(uid => this.#ids.get(uid) ?? ''));
  }
}

async function search(mailbox: Mailbox | null, needle: string): Promise<number[]> {
  const reply = await mailbox?.client.ok(`UID SEARCH TEXT "${needle.replace(/["\\]/g, '\\$&')}"`, PATIENCE_MS);
  // Dovecot also tells how far it is.
  const answers = (reply?.untagged ?? []).map(String).filter(line => line.startsWith('* SEARCH'));
  return answers.flatMap(line => (line.match(/\d+/g) ?? []).map(Number));
}

async function latency(
  view: Mailbox,
  name: string,
  needles: readonly string[],
  runs: number,
): Promise<{ p50: number; row: Row }> {
  const p50: number[] = [];
  const p95: number[] = [];
  const hits: number[] = [];
  for (let run = 0; run < runs; run++) {
    const times: number[] = [];
    for (const needle of needles) {
      times.push(await timed(async () => hits.push((await search(view, needle)).length)));
      if (hits.at(-1) === 0) throw new Error(`nothing found for ${needle}`);
    }
    p50.push(median(times));
    p95.push(percentile(times, 0.95));
  }
  const row = {
    what: `SEARCH TEXT, ${name}`,
    value: `p50 ${median(p50).toFixed(1)} ms, p95 ${median(p95).toFixed(1)} ms`,
    note: `${median(hits)} hits (median)`,
  };
  return { p50: median(p50), row };
}

/** The peers' times and what they find of the same needles. */
async function compare(
  view: Mailbox,
  peers: Peers,
  name: string,
  needles: readonly string[],
  p50: number,
): Promise<Row[]> {
  const exact: Set<string>[] = [];
  for (const needle of needles) exact.push(view.idsOf(await search(view, needle)));
  const rows: Row[] = [];
  for (const [peer, mailbox] of Object.entries(peers) as [keyof Peers, Mailbox | null][]) {
    if (mailbox === null) continue;
    const times: number[] = [];
    let missed = 0;
    let others = 0;
    for (const [index, needle] of needles.entries()) {
      const ours = exact[index] ?? new Set();
      let theirs = new Set<string>();
      times.push(
        await timed(async () => {
          theirs = mailbox.idsOf(await search(mailbox, needle));
        }),
      );
      missed += ours.difference(theirs).size;
      others += theirs.difference(ours).size;
    }
    const all = exact.reduce((sum, { size }) => sum + size, 0);
    rows.push({
      what: `  ${peer === 'plain' ? 'Dovecot without an index' : 'Dovecot with Xapian'}, ${name}`,
      value: `${median(times).toFixed(1)} ms, ${(median(times) / p50).toFixed(1)} times`,
      note: `misses ${missed} of ${all} hits, finds ${others} others`,
    });
  }
  return rows;
}

/** Each message goes into every INBOX as well. */
async function* delivered(
  messages: AsyncIterable<GeneratedMessage>,
  servers: readonly Dovecot[],
): AsyncGenerator<GeneratedMessage> {
  for await (const message of messages) {
    for (const server of servers) {
      await server.deliver(USER, 'INBOX', message.raw, { internalDate: message.internalDate, flags: ['\\Seen'] });
    }
    yield message;
  }
}

/** Signed buste with texts of their own; keeps what is needed to choose needles from. */
async function* buste(count: number, maker: TextMaker, { texts, senders }: Samples): AsyncGenerator<GeneratedMessage> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 3, mailbox });
  for (let made = 0; made < count; made++) {
    const text = maker.text(250);
    const address = `${maker.word()}.${maker.word()}@pec.${maker.word()}.example`;
    if (made % Math.max(1, Math.floor(count / 500)) === 0) {
      texts.push(text);
      senders.push(address);
    }
    yield generator.incoming({ text, from: { name: maker.word(), address } });
  }
}
