/** Messages into the store, as the archiver and APPEND bring them: on disk, flushed, rebuilt and compared. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { createGenerator, createTestAuthorities, type GeneratedMessage, PEOPLE } from '../src/pec/generator/index.ts';
import { openStore } from '../src/store/index.ts';
import type { AccountStore, View } from '../src/store/types.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import type { Row, Scale } from './report.ts';
import { median, timed } from './statistics.ts';

/** Messages on their way in at the same time, as many as the archiver sends. */
const CONCURRENCY = 48;
const ARCHIVE: View = { tree: 'archive' };

export async function fileMessage(
  account: AccountStore,
  message: Pick<GeneratedMessage, 'raw' | 'direction' | 'internalDate'>,
): Promise<void> {
  const spool = await account.spool();
  await spool.write(message.raw);
  await account.file(ARCHIVE, spool, {
    flags: ['\\Seen'],
    internalDate: message.internalDate.getTime(),
    origin: { direction: message.direction, source: 'archiver' },
  });
}

/** Files all of them, several at a time. */
export async function fileAll<T>(messages: Iterable<T>, file: (message: T) => Promise<void>): Promise<void> {
  const source = messages[Symbol.iterator]();
  const worker = async () => {
    for (let next = source.next(); next.done !== true; next = source.next()) await file(next.value);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Fills the archive of a server that does not run yet. */
export async function fillArchive(
  dataDir: string,
  address: string,
  messages: Iterable<GeneratedMessage> | AsyncIterable<GeneratedMessage>,
): Promise<void> {
  const store = await openStore(dataDir, { logger: pino({ level: 'silent' }) });
  try {
    const account = await store.account(address, { create: true });
    const batch: GeneratedMessage[] = [];
    const flush = () => fileAll(batch.splice(0), message => fileMessage(account, message));
    for await (const message of messages) if (batch.push(message) === 500) await flush();
    await flush();
    // Else the server would go on with it beside what is measured.
    await account.textSettled();
  } finally {
    await store.close();
  }
}

export async function benchIngest(scale: Scale): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 2, mailbox });
  const messages = [...generator.corpus(scale.quick ? 400 : 3_500, { meanSize: 75_000 })];
  // A server runs for months: its threads have started, and their code has been compiled.
  const earlier = messages.splice(0, scale.quick ? 100 : 500);
  const octets = messages.reduce((sum, message) => sum + message.raw.length, 0);
  const times: number[] = [];
  const delays: number[] = [];
  const processor: number[] = [];
  for (let run = 0; run < scale.runs; run++) {
    const directory = await temporaryDirectory('ingest');
    const store = await openStore(directory.path, { logger: pino({ level: 'silent' }) });
    try {
      const warm = await store.account(`a.${mailbox.address}`, { create: true });
      await fileAll(earlier, message => fileMessage(warm, message));
      await warm.textSettled();
      const account = await store.account(mailbox.address, { create: true });
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const before = process.cpuUsage();
      times.push(await timed(() => fileAll(messages, message => fileMessage(account, message))));
      delay.disable();
      const { user, system } = process.cpuUsage(before);
      processor.push((user + system) / 1000 / messages.length);
      delays.push(delay.percentile(99) / 1e6);
      const [status] = await account.status([ARCHIVE]);
      if (status?.messages !== messages.length) throw new Error(`${status?.messages} of ${messages.length} stored`);
    } finally {
      await store.close();
      await directory.remove();
    }
  }
  const seconds = median(times) / 1000;
  return [
    {
      what: 'ingest',
      value: `${(messages.length / seconds).toFixed(0)} messages/s`,
      note: `${messages.length} messages of ${Math.round(octets / messages.length / 1000)} KB on average`,
    },
    { what: 'ingest', value: `${(octets / 1e6 / seconds).toFixed(1)} MB/s` },
    { what: 'processor time', value: `${median(processor).toFixed(2)} ms/message`, note: 'of all threads' },
    { what: 'event loop delay meanwhile, p99', value: `${median(delays).toFixed(1)} ms` },
  ];
}
