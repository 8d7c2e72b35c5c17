/** The views under watch as clients see them: messages come into them and leave them by themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGenerator, createTestAuthorities, type GeneratedMessage } from '../../src/pec/generator/index.ts';
import { type Client, Engine, type TestAccount } from './support/engine.ts';

const DAY = 24 * 3_600_000;
const PENDING = '"Archivio/In attesa di consegna"';
const UNDELIVERED = '"Archivio/Non consegnati"';

let engine: Engine;
let authorities: Awaited<ReturnType<typeof createTestAuthorities>>;
beforeAll(async () => {
  authorities = await createTestAuthorities();
  engine = await Engine.start({}, { anchors: authorities.anchors });
});
afterAll(() => engine.stop());

interface Scene {
  readonly account: TestAccount;
  readonly client: Client;
  exchange(failed?: boolean): { sent: GeneratedMessage; before: GeneratedMessage[]; last: GeneratedMessage };
  file(message: GeneratedMessage): Promise<void>;
}

let seed = 0;
async function scene(): Promise<Scene> {
  const account = await engine.account();
  const mailbox = { name: 'Mario Rossi', address: account.address };
  const made = createGenerator({ authorities, seed: ++seed, mailbox });
  return {
    account,
    client: await account.login(),
    exchange(failed = false) {
      const deliveries = failed ? (['no-mailbox'] as const) : [];
      const { sent, accettazione, consegne, avvisi } = made.exchange({ at: new Date(Date.now() - 60_000), deliveries });
      const [last] = [...consegne, ...avvisi];
      if (!accettazione || !last) throw new Error('no receipts');
      return { sent, before: [sent, accettazione], last };
    },
    async file({ raw, direction, internalDate }) {
      const spool = await account.store.spool();
      await spool.write(raw);
      const origin = { direction, source: 'archiver' } as const;
      await account.store.file({ tree: 'archive' }, spool, { flags: [], internalDate: internalDate.getTime(), origin });
    },
  };
}

async function fileAll({ file }: Scene, messages: readonly GeneratedMessage[]): Promise<void> {
  for (const message of messages) await file(message);
}

describe('views under watch', () => {
  it('are listed, subscribed, and say that they take nothing', async () => {
    const { client } = await scene();
    const listed = await client.data('LIST (SUBSCRIBED) "" "Archivio/%"');
    expect(listed).toEqual([
      `* LIST (\\HasNoChildren \\NoInferiors \\Subscribed) "/" ${PENDING}`,
      `* LIST (\\HasNoChildren \\NoInferiors \\Subscribed) "/" ${UNDELIVERED}`,
      '* LIST (\\HasNoChildren \\NoInferiors \\Subscribed) "/" "Archivio/Da conservare"',
    ]);
    expect(await client.data(`MYRIGHTS ${PENDING}`)).toEqual([`* MYRIGHTS ${PENDING} lrsw`]);
    expect(await client.data(`STATUS ${PENDING} (MESSAGES UNSEEN)`)).toEqual([
      `* STATUS ${PENDING} (MESSAGES 0 UNSEEN 0)`,
    ]);
    expect(await client.answer('CREATE "Archivio/Da conservare/x"')).toMatch(/^NO \[CANNOT\]/);
    expect(await client.answer('DELETE "Archivio/Da conservare"')).toMatch(/^NO \[CANNOT\]/);
  });

  it('tell open sessions who comes and who goes, and those that come back what they missed', async () => {
    const here = await scene();
    const { client, account } = here;
    const other = await account.login();
    const [first, second] = [here.exchange(), here.exchange(true)];
    await fileAll(here, first.before);
    await other.data('ENABLE QRESYNC');
    const opened = await other.data(`SELECT ${PENDING}`);
    expect(opened).toContain('* 1 EXISTS');
    const uidValidity = /UIDVALIDITY (\d+)/.exec(opened.join())?.[1];
    const modseq = /HIGHESTMODSEQ (\d+)/.exec(opened.join())?.[1];
    await other.data('CLOSE');

    await client.data(`SELECT ${PENDING}`);
    await client.send(`i IDLE\r\n`);
    expect(await client.next()).toMatch(/^\+/);
    await fileAll(here, second.before);
    expect(await client.next()).toBe('* 2 EXISTS');
    expect(await client.next()).toBe('* 0 RECENT');
    await here.file(first.last);
    expect(await client.next()).toBe('* 1 EXPUNGE');
    await here.file(second.last);
    expect(await client.next()).toBe('* 1 EXPUNGE');
    await client.send('DONE\r\n');
    expect(await client.next()).toMatch(/^i OK/);
    expect(await client.data('UID SEARCH ALL')).toEqual(['* SEARCH']);

    const again = await other.data(`SELECT ${PENDING} (QRESYNC (${uidValidity} ${modseq}))`);
    expect(again).toContain('* 0 EXISTS');
    expect(again.filter(line => line.startsWith('* VANISHED'))).toEqual([
      expect.stringMatching(/^\* VANISHED \(EARLIER\) 1/),
    ]);

    expect(await client.data(`SELECT ${UNDELIVERED}`)).toContain('* 1 EXISTS');
    const fetched = await client.data('FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])');
    expect(fetched.join()).toContain(/^Message-ID: .*$/im.exec(second.sent.raw.toString('latin1'))?.[0].trim());
    expect(fetched.join()).not.toContain('\\Seen');
    expect(await client.data('SEARCH UNSEEN')).toEqual(['* SEARCH 1']);
  });

  it('change by the clock, refuse additions and deletions, and serve as a source of copies', async () => {
    const here = await scene();
    const { client, account } = here;
    await fileAll(here, here.exchange().before);
    await client.data('SELECT Archivio');
    const refused = /^NO \[CANNOT\] In questa cartella i messaggi entrano ed escono da soli/;
    expect(await client.answer(`COPY 1 ${UNDELIVERED}`)).toMatch(refused);
    expect(await client.answer(`APPEND ${UNDELIVERED} {3+}\r\nabc`)).toMatch(refused);

    await client.data(`SELECT ${UNDELIVERED}`);
    await account.store.reviewWatched(Date.now() + DAY + 60_000);
    expect(await client.data('NOOP')).toEqual(['* 1 EXISTS', '* 0 RECENT']);
    expect(await client.data(`STATUS ${PENDING} (MESSAGES)`)).toEqual([`* STATUS ${PENDING} (MESSAGES 0)`]);
    expect(await client.answer('STORE 1 +FLAGS (\\Deleted)')).toMatch(/^NO \[CANNOT\] Da questa cartella/);
    expect(await client.answer('MOVE 1 --ARCHIVIA--')).toMatch(/^NO \[CANNOT\] Da questa cartella/);
    await client.data('STORE 1 +FLAGS (\\Flagged)');
    expect(await client.answer('COPY 1 --ARCHIVIA--')).toMatch(/^OK \[COPYUID \d+ 2 1\]/);
    expect(await client.data('FETCH 1 FLAGS')).toEqual([expect.stringContaining('\\Flagged')]);
  });
});
