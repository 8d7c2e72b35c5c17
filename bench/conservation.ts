/** From the queue to conserved, a package of distribution of one message among many, and `verify`. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { configSchema } from '../src/config/schema.ts';
import { ConservationPool, createConservationService, createDistributionPackage } from '../src/conservation/index.ts';
import { createGenerator, createTestAuthorities, PEOPLE } from '../src/pec/generator/index.ts';
import { openKeyring } from '../src/store/crypto/keyring.ts';
import { accountsOnDisk } from '../src/store/directory.ts';
import { openStore } from '../src/store/index.ts';
import { verifyAccount } from '../src/store/maintenance/verify.ts';
import type { AccountStore } from '../src/store/types.ts';
import { temporaryDirectory } from '../test/support/temp.ts';
import { fillArchive } from './ingest.ts';
import type { Row, Scale } from './report.ts';
import { percentile, timed } from './statistics.ts';

const MESSAGES = 10_000;
const MEAN_SIZE = 75_000;
const PACKAGES_MADE = 60;
const PAGE = 500;

/** A hundred thousand of about the smallest there are. */
const MANY = { messages: 100_000, meanSize: 7_000, attachmentRatio: 0 };

/** One run: it fills an archive first, which takes longer than what is measured. */
export async function benchConservation(scale: Scale): Promise<Row[]> {
  const usual = { messages: scale.quick ? MESSAGES / 10 : MESSAGES, meanSize: MEAN_SIZE, attachmentRatio: 0.3 };
  const rows = await conserveAndVerify(usual);
  const many = { ...MANY, messages: scale.quick ? MANY.messages / 10 : MANY.messages };
  return scale.large ? [...rows, ...(await conserveAndVerify(many))] : rows;
}

async function conserveAndVerify({ messages, ...corpus }: typeof MANY): Promise<Row[]> {
  const [mailbox] = PEOPLE;
  if (mailbox === undefined) throw new Error('nobody');
  const { address } = mailbox;
  const directory = await temporaryDirectory('conserve');
  const dataDir = directory.path;
  try {
    const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 4, mailbox });
    await fillArchive(dataDir, address, generator.corpus(messages, corpus));
    const conserved = await conserveAll(dataDir, address);
    const distributed = await distribute(dataDir, address);
    return [...conserved, ...distributed, ...(await verifyAll(dataDir))];
  } finally {
    await directory.remove();
  }
}

async function withAccount<T>(dataDir: string, address: string, work: (account: AccountStore) => Promise<T>) {
  const store = await openStore(dataDir, { logger: pino({ level: 'silent' }), readAttachments: false });
  try {
    return await work(await store.account(address));
  } finally {
    await store.close();
  }
}

async function conserveAll(dataDir: string, address: string): Promise<Row[]> {
  return withAccount(dataDir, address, async account => {
    const messages = await everyMessage(account);
    for (let at = 0; at < messages.length; at += PAGE) await account.queue(messages.slice(at, at + PAGE));
    const service = await createConservationService({
      config: configSchema.parse({ imap: { listen: [{ port: 0, tls: 'none' }] } }).conservation,
      dataDir,
      logger: pino({ level: 'silent' }),
      anchors: [],
    });
    try {
      const before = process.cpuUsage();
      const milliseconds = await timed(async () => {
        await service.watch(account);
        await service.drain(address);
      });
      const { user, system } = process.cpuUsage(before);
      const packages = await account.packages();
      const count = packages.reduce((sum, { messages }) => sum + messages.length, 0);
      if (count !== messages.length) throw new Error(`${count} of ${messages.length} conserved`);
      return [
        {
          what: 'queue to conserved',
          value: `${((count / milliseconds) * 1000).toFixed(0)} messages/s`,
          note: `${count} messages in ${packages.length} packages, with signature, stamps, report and evidence`,
        },
        {
          what: 'processor time of one message',
          value: `${((user + system) / 1000 / count).toFixed(1)} ms`,
          note: 'of all threads together',
        },
      ];
    } finally {
      await service.stop();
    }
  });
}

async function distribute(dataDir: string, address: string): Promise<Row[]> {
  return withAccount(dataDir, address, async account => {
    const messages = await everyMessage(account);
    const times: number[] = [];
    const before = process.cpuUsage();
    const path = join(dataDir, 'pacchetto.zip');
    const pool = new ConservationPool([]);
    for (let made = 0; made < PACKAGES_MADE; made++) {
      const message = messages[Math.floor((made / PACKAGES_MADE) * messages.length)] ?? '';
      times.push(
        await timed(async () => {
          const file = createWriteStream(path);
          const closed = once(file, 'close');
          await createDistributionPackage(account, message, file, { pool });
          await closed;
        }),
      );
      await rm(path);
    }
    const { user, system } = process.cpuUsage(before);
    await pool.close();
    return [
      {
        what: 'package of distribution of one message, p50 / p95',
        value: `${percentile(times, 0.5).toFixed(0)} / ${percentile(times, 0.95).toFixed(0)} ms`,
        note: `of ${messages.length} conserved; ${((user + system) / 1000 / times.length).toFixed(0)} ms of processor time each`,
      },
    ];
  });
}

async function verifyAll(dataDir: string): Promise<Row[]> {
  const keyring = await openKeyring(dataDir);
  const [account] = await accountsOnDisk(dataDir);
  if (account === undefined) throw new Error('nothing is stored');
  const dataKey = await keyring.accountKey(account.directory, account.address);
  let octets = 0;
  const before = process.cpuUsage();
  const milliseconds = await timed(async () => {
    const result = await verifyAccount({ ...account, dataKey, resume: false });
    if (result.damageCount > 0) throw new Error(JSON.stringify(result.damaged.slice(0, 3)));
    octets = result.octets;
  });
  const { user, system } = process.cpuUsage(before);
  return [
    {
      what: 'verify',
      value: `${(octets / 1000 / milliseconds).toFixed(0)} MB/s`,
      note: `${(octets / 1e6).toFixed(0)} MB of messages in ${(milliseconds / 1000).toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of processor time`,
    },
  ];
}

async function everyMessage(account: AccountStore): Promise<string[]> {
  const { uids } = await account.open({ tree: 'archive' }, { readOnly: true });
  const messages: string[] = [];
  for (let at = 0; at < uids.length; at += PAGE) {
    const rows = await account.fetch({ tree: 'archive' }, [...uids.subarray(at, at + PAGE)], {
      columns: [],
      sections: [],
      markSeen: false,
    });
    messages.push(...rows.map(({ message }) => message));
  }
  return messages;
}
