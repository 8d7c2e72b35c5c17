/** How the store's figures change with the number of messages: one archive that grows, measured at each size. */
import { pino } from 'pino';
import { openStore } from '../src/store/index.ts';
import type { AccountStore, Store, View } from '../src/store/types.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import { fileAll, fileMessage } from './ingest.ts';
import { needleClasses, type Samples } from './needles.ts';
import type { Row, Scale } from './report.ts';
import { percentile, timed } from './statistics.ts';
import { TextMaker } from './text.ts';

const ADDRESS = 'mario.rossi@pec.example.it';
const ARCHIVE: View = { tree: 'archive' };
const FIRST_YEAR = 2018;
const MONTHS = 100;
const WORDS = 60;
/** One text in so many is kept to search for. */
const SAMPLED = 97;
/** Messages before a size over which its rate of ingest is taken. */
const LAST = 2_000;

export async function benchGrowth(scale: Scale): Promise<Row[]> {
  const sizes = scale.quick ? [1_000, 5_000] : [10_000, 100_000, ...(scale.large ? [500_000] : [])];
  const maker = new TextMaker(7, 30_000);
  const samples: Samples = { texts: [], senders: [] };
  const directory = await temporaryDirectory('growth');
  const rows: Row[] = [];
  let store = await openStore(directory.path, { logger: pino({ level: 'silent' }), readAttachments: false });
  try {
    let account = await store.account(ADDRESS, { create: true });
    let filed = 0;
    for (const size of sizes) {
      const last = Math.min(LAST, size - filed);
      await file(account, maker, samples, filed, size - last);
      const seconds = (await timed(() => file(account, maker, samples, size - last, size))) / 1000;
      filed = size;
      const what = (name: string) => `${size.toLocaleString('en')}: ${name}`;
      rows.push({ what: what('ingest'), value: `${(last / seconds).toFixed(0)} messages/s`, note: 'small messages' });
      await store.close();
      store = await reopen(directory.path);
      const cold = await timed(async () => {
        account = await store.account(ADDRESS);
        await account.status([ARCHIVE]);
      });
      rows.push({ what: what('open an account, first STATUS'), value: ms(cold), note: 'files in the system’s cache' });
      rows.push(...(await measure(account, needleClasses(maker, samples), what)));
    }
    return rows;
  } finally {
    await store.close();
    await directory.remove();
  }
}

/** As in a running server: its thread has served another account before. */
async function reopen(path: string): Promise<Store> {
  const store = await openStore(path, { logger: pino({ level: 'silent' }), threads: 1, readAttachments: false });
  await store.account('altra.casella@pec.example.it', { create: true });
  return store;
}

async function measure(
  account: AccountStore,
  classes: Readonly<Record<string, readonly string[]>>,
  what: (name: string) => string,
): Promise<Row[]> {
  const views = months().flatMap(({ year, month }): View[] =>
    (['Ordinaria', 'Inviati'] as const).map(category => ({ tree: 'archive', year, month, category })),
  );
  const rows = [await latency(what(`STATUS of ${views.length} views`), 30, () => account.status(views))];
  for (const [name, needles] of Object.entries(classes)) {
    let hits = 0;
    const row = await latency(what(`SEARCH TEXT, ${name}`), needles.length, async index => {
      hits += (await account.search(ARCHIVE, { op: 'text', needle: needles[index] ?? '' })).length;
    });
    rows.push({ ...row, note: `${Math.round(hits / needles.length)} hits on average` });
  }
  const { uids } = await account.open(ARCHIVE, { readOnly: true });
  const page = [...uids.slice(-1000)];
  const request = { columns: ['envelope', 'bodyStructure'], sections: [], markSeen: false } as const;
  rows.push(await latency(what('FETCH of the newest 1,000'), 10, () => account.fetch(ARCHIVE, page, request)));
  rows.push(await latency(what('SELECT of the whole'), 10, () => account.open(ARCHIVE, { readOnly: true })));
  return rows;
}

async function latency(what: string, times: number, work: (index: number) => Promise<unknown>): Promise<Row> {
  const sample: number[] = [];
  for (let index = 0; index < times; index++) sample.push(await timed(() => work(index)));
  return { what, value: `p50 ${ms(percentile(sample, 0.5))}, p95 ${ms(percentile(sample, 0.95))}` };
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

function months(): { year: number; month: number }[] {
  return Array.from({ length: MONTHS }, (_, index) => ({
    year: FIRST_YEAR + Math.floor(index / 12),
    month: (index % 12) + 1,
  }));
}

function file(account: AccountStore, maker: TextMaker, samples: Samples, from: number, to: number): Promise<void> {
  return fileAll(small(maker, samples, from, to), message => fileMessage(account, message));
}

/** Plain messages of each month in turn, half of them sent. */
function* small(maker: TextMaker, samples: Samples, from: number, to: number) {
  const calendar = months();
  for (let made = from; made < to; made++) {
    const { year, month } = calendar[made % MONTHS] ?? { year: FIRST_YEAR, month: 1 };
    const sent = Math.floor(made / MONTHS) % 2 === 0;
    const internalDate = new Date(Date.UTC(year, month - 1, 2 + (made % 26), 10, 0, made % 60));
    const other = `${maker.word()}@pec.${maker.word()}.example`;
    const text = maker.text(WORDS);
    if (made % SAMPLED === 0) {
      samples.texts.push(text);
      samples.senders.push(other);
    }
    const lines = [
      `From: <${sent ? ADDRESS : other}>`,
      `To: <${sent ? other : ADDRESS}>`,
      `Subject: ${maker.word()} ${maker.word()} ${maker.word()}`,
      `Date: ${internalDate.toUTCString().replace('GMT', '+0000')}`,
      `Message-ID: <${made}@pec.example.it>`,
      'Content-Type: text/plain; charset=utf-8',
      '',
      text,
      '',
    ];
    const direction = sent ? ('sent' as const) : ('received' as const);
    yield { raw: Buffer.from(lines.join('\r\n')), direction, internalDate };
  }
}
