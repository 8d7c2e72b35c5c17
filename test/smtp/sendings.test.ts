import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGenerator, createTestAuthorities } from '../../src/pec/generator/index.ts';
import { Pace } from '../../src/smtp/pace.ts';
import { Sendings } from '../../src/smtp/sendings.ts';
import { openStore } from '../../src/store/index.ts';
import type { AccountStore } from '../../src/store/types.ts';
import { run } from '../support/processes.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';
import { ANNA } from './harness.ts';
import { ARCHIVE, MARIO, MESSAGE_ID, sentMessage } from './sending-stage.ts';

const CHILD = new URL('./sending-child.ts', import.meta.url).pathname;

/** What the archive shows: flags of each message. */
async function archived(account: AccountStore): Promise<(readonly string[])[]> {
  const { uids } = await account.open(ARCHIVE, { readOnly: true });
  const rows = await account.fetch(ARCHIVE, [...uids], { columns: ['flags'], sections: [], markSeen: false });
  return rows.map(({ flags }) => [...flags].sort());
}

async function receive(
  account: AccountStore,
  raw: Buffer,
  direction: 'sent' | 'received' = 'received',
): Promise<ReturnType<AccountStore['file']>> {
  const spool = await account.spool();
  await spool.write(raw);
  return account.file(ARCHIVE, spool, { flags: [], origin: { direction, source: 'archiver' } });
}

/** A signed accettazione of the message with that Message-ID. */
async function receiptFor(messageId: string): Promise<Buffer> {
  const mailbox = { name: 'Mario Rossi', address: MARIO };
  const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 1, mailbox });
  const to = [{ name: 'Anna', address: ANNA }];
  const { accettazione } = generator.exchange({ at: new Date(), to, subject: 'Prova', messageId });
  if (accettazione === null) throw new Error('not accepted');
  return accettazione.raw;
}

describe('a crash while a message is being sent', () => {
  let data: TemporaryDirectory;
  beforeEach(async () => {
    data = await temporaryDirectory('sendings');
  });
  afterEach(() => data.remove());

  const MARKED = ['$InvioIncerto', '\\Seen'];
  it.each([
    // What the archive shows after the start, whether it was handed on to conservation, and what evidence then changes.
    ['held', [], 0, null],
    ['begun', [MARKED], 0, 'receipt'],
    ['accepted', [MARKED], 0, 'copy'],
    ['filed', [['\\Seen']], 1, null],
    ['done', [['\\Seen']], 0, null],
  ] as const)('after the step %s', async (step, shown, handedOn, evidence) => {
    const child = await run(process.execPath, [CHILD, data.path, step]);
    expect(child.code, child.stderr).not.toBe(0);
    expect(child.stderr).toBe('');
    expect(existsSync(join(data.path, 'accepted'))).toBe(!['held', 'begun'].includes(step));
    const { anchors } = await createTestAuthorities();
    const store = await openStore(data.path, { anchors });
    try {
      const account = await store.account(MARIO);
      const told: string[] = [];
      const sendings = new Sendings(pino({ level: 'silent' }), async (_account, { sha256 }) => void told.push(sha256));
      await sendings.repair(account);
      await sendings.repair(account);
      expect(await archived(account)).toEqual(shown);
      expect(told).toHaveLength(handedOn);
      if (evidence === null) return;
      await sendings.witness(account, await receive(account, await receiptFor('<altro@studio.example>')));
      expect((await archived(account))[0]).toEqual(MARKED);
      const copy = evidence === 'copy' ? receive(account, sentMessage, 'sent') : null;
      await sendings.witness(account, await (copy ?? receive(account, await receiptFor(MESSAGE_ID))));
      expect((await archived(account))[0]).toEqual(['\\Seen']);
      expect(told).toHaveLength(1);
    } finally {
      await store.close();
    }
  });
});

describe('pace', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets so many a minute go, then one for each that is a minute old, in the order of their coming', async () => {
    const pace = new Pace();
    const went: string[] = [];
    const take = (name: string) => pace.take('a', 2, true).then(turn => went.push(turn === null ? `no ${name}` : name));
    for (const name of ['1', '2', '3', '4', '5']) void take(name);
    await vi.advanceTimersByTimeAsync(0);
    expect(went).toEqual(['1', '2', 'no 5']);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(went).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1);
    expect(went.slice(3)).toEqual(['3', '4']);
  });

  it('keeps mailboxes apart, and takes back a turn that was not used', async () => {
    const pace = new Pace();
    const turn = await pace.take('a', 1, false);
    expect(await pace.take('a', 1, false)).toBeNull();
    expect(await pace.take('b', 1, false)).not.toBeNull();
    turn?.();
    expect(await pace.take('a', 1, false)).not.toBeNull();
  });
});
