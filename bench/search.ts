/** SEARCH over IMAP in a view of an archive of buste, by class of needle. */
import { createGenerator, createTestAuthorities, type GeneratedMessage, PEOPLE } from '../src/pec/generator/index.ts';
import { DOMAIN, startArchivia } from '../test/support/archivia.ts';
import { startDovecot } from '../test/support/dovecot.ts';
import { RawImap } from '../test/support/raw-imap.ts';
import { fillArchive } from './ingest.ts';
import type { Row, Scale } from './report.ts';
import { median, percentile, timed } from './statistics.ts';
import { TextMaker } from './text.ts';

const USER = `mario.rossi@${DOMAIN}`;
const PASSWORD = 'segreta';
const NEEDLES = 30;

export async function benchSearch(scale: Scale): Promise<Row[]> {
  const count = scale.quick ? 1_000 : 20_000;
  const maker = new TextMaker(3, 30_000);
  const texts: string[] = [];
  const senders: string[] = [];
  const dovecot = await startDovecot({ users: { [USER]: PASSWORD } });
  try {
    const archivia = await startArchivia({
      dovecot,
      archive: { auto: { incoming: false, sent: false } },
      prepare: dataDir => fillArchive(dataDir, USER, buste(count, maker, texts, senders)),
    });
    try {
      const client = await RawImap.login(archivia.imapPort, USER, PASSWORD);
      const selected = await client.ok('EXAMINE Archivio', 60_000);
      if (!selected.raw.includes(`* ${count} EXISTS`)) throw new Error(`not ${count}: ${selected.raw}`);
      const rows: Row[] = [{ what: 'view', value: `${count} messages`, note: 'buste with 250 words each, nested' }];
      for (const [name, needles] of Object.entries(classes(maker, texts, senders))) {
        const p50: number[] = [];
        const p95: number[] = [];
        let hits: number[] = [];
        for (let run = 0; run < scale.runs; run++) {
          const times: number[] = [];
          hits = [];
          for (const needle of needles) {
            let found = 0;
            const search = async () => {
              const reply = await client.ok(`UID SEARCH TEXT "${needle}"`, 120_000);
              found = reply.untagged.join('').trim().split(' ').length - 2;
            };
            times.push(await timed(search));
            if (found < 1) throw new Error(`nothing found for ${needle}`);
            hits.push(found);
          }
          p50.push(median(times));
          p95.push(percentile(times, 0.95));
        }
        rows.push({
          what: `SEARCH TEXT, ${name}`,
          value: `p50 ${median(p50).toFixed(1)} ms, p95 ${median(p95).toFixed(1)} ms`,
          note: `${median(hits)} hits (median)`,
        });
      }
      client.close();
      return rows;
    } finally {
      await archivia.stop();
    }
  } finally {
    await dovecot.stop();
  }
}

/** Signed buste with texts of their own; keeps what is needed to choose needles from. */
async function* buste(
  count: number,
  maker: TextMaker,
  texts: string[],
  senders: string[],
): AsyncGenerator<GeneratedMessage> {
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

function classes(
  maker: TextMaker,
  texts: readonly string[],
  senders: readonly string[],
): Record<string, readonly string[]> {
  const pick = <T>(from: readonly T[], index: number) => from[(index * 17) % from.length] as T;
  const make = (needle: (index: number) => string) => Array.from({ length: NEEDLES }, (_, index) => needle(index));
  const rank = new Map(maker.words.map((word, index) => [word, index]));
  const wordsOf = (index: number) => pick(texts, index).split(/\s+/);
  // The rarest word of a message; two neighbours; letters from the inside of a long word.
  const rare = (index: number) => wordsOf(index).reduce((a, b) => ((rank.get(a) ?? 0) > (rank.get(b) ?? 0) ? a : b));
  const long = (index: number) => {
    const seldom = wordsOf(index).filter(word => (rank.get(word) ?? 0) > 1_000);
    return seldom.reduce((a, b) => (a.length > b.length ? a : b));
  };
  return {
    'rare word': make(rare),
    'common word': make(index => maker.words[index] ?? ''),
    phrase: make(index => pick(texts, index).split('\r\n')[2]?.split(' ').slice(3, 5).join(' ') ?? ''),
    'inside a word': make(index => long(index).slice(1, -1)),
    address: make(index => pick(senders, index)),
  };
}
