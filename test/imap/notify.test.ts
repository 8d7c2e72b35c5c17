import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

/** What notifications wait for others to come along, and what they wait here. */
const BATCH_MILLISECONDS = 150;
const SHORT_MILLISECONDS = 20;
const wait = globalThis.setTimeout;

let engine: Engine;
beforeAll(async () => {
  const sooner = (...[work, delay]: Parameters<typeof wait>) =>
    wait(work, delay === BATCH_MILLISECONDS ? SHORT_MILLISECONDS : delay);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(Object.assign(sooner, wait));
  engine = await Engine.start();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await engine.stop();
});

let account: TestAccount;
let client: Client;
/** Another session of the same account, which makes things happen. */
let other: Client;
beforeEach(async () => {
  account = await engine.account();
  client = await account.login();
  other = await account.login();
  for (const name of ['Pratiche', 'Pratiche/Rossi', 'Bozze']) await other.ok(`CREATE ${name}`);
});

const ALL = 'MessageNew MessageExpunge FlagChange';

/** Nothing came before this. */
async function silent(): Promise<void> {
  expect(await client.run('NOOP')).toEqual(['OK NOOP completed.']);
}

/** The first response that is meant; a test fails when none comes. */
async function until(wanted: (line: string) => boolean): Promise<string> {
  for (;;) {
    const line = await client.next();
    if (wanted(line)) return line;
  }
}

/** Gives unwanted notifications the time that wanted ones take, several times over. */
async function settle(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 6 * SHORT_MILLISECONDS));
}

describe('NOTIFY, as it is written (RFC 5465 section 8)', () => {
  test.each([
    'NONE',
    'SET (PERSONAL NONE)',
    `SET (selected (${ALL}))`,
    `SET STATUS (SELECTED-DELAYED (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM)]) MessageExpunge)) (inboxes (messagenew messageexpunge))`,
    `SET (MAILBOXES (INBOX "Pratiche/Rossi") (${ALL} MailboxName)) (SUBTREE Archivio (MailboxName SubscriptionChange))`,
    `SET (MAILBOXES Inesistente NONE) (SUBSCRIBED (MailboxName))`,
  ])('%s', async text => {
    expect(await client.answer(`NOTIFY ${text}`)).toBe('OK Notify completed.');
  });

  test.each([
    '',
    'SET',
    'GET (PERSONAL NONE)',
    'SET (PERSONAL)',
    'SET (PERSONAL ())',
    'SET (PERSONAL (MessageNew))',
    'SET (PERSONAL (MessageExpunge MailboxName))',
    'SET (PERSONAL (FlagChange))',
    `SET (PERSONAL (MessageNew (UID) MessageExpunge))`,
    'SET (SELECTED (MailboxName))',
    `SET (SELECTED (${ALL})) (SELECTED-DELAYED (${ALL}))`,
    'SET (MAILBOXES () NONE)',
    'SET (OTHERS NONE)',
    'SET (PERSONAL NONE',
  ])('%s is wrong', async text => {
    expect(await client.answer(`NOTIFY ${text}`)).toMatch(/^BAD/);
  });

  test('events that are not to be had are named', async () => {
    expect(await client.answer('NOTIFY SET (PERSONAL (MailboxName ServerMetadataChange))')).toMatch(
      /^NO \[BADEVENT \(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange\)\] /,
    );
    expect((await client.data('CAPABILITY'))[0]).toMatch(/ NOTIFY\b/);
  });
});

describe('other mailboxes', () => {
  test('STATUS is told at once for those that match, and then when something happens there', async () => {
    const told = await client.data(`NOTIFY SET STATUS (MAILBOXES (Pratiche Bozze) (${ALL}))`);
    expect(told).toEqual([
      expect.stringMatching(/^\* STATUS "Bozze" \(MESSAGES 0 UIDNEXT 1 UIDVALIDITY \d+ UNSEEN 0\)$/),
      expect.stringMatching(/^\* STATUS "Pratiche" \(MESSAGES 0 /),
    ]);
    await account.deliver('Pratiche', message('uno'));
    await account.deliver('INBOX', message('due'));
    await account.deliver('Pratiche/Rossi', message('tre'));
    expect(await client.next()).toMatch(/^\* STATUS "Pratiche" \(MESSAGES 1 UIDNEXT 2 UIDVALIDITY \d+ UNSEEN 1\)$/);
    await other.ok('SELECT Pratiche');
    await other.ok('STORE 1 +FLAGS (\\Seen)');
    expect(await client.next()).toMatch(/^\* STATUS "Pratiche" \(MESSAGES 1 UIDNEXT 2 UIDVALIDITY \d+ UNSEEN 0\)$/);
    await other.ok('STORE 1 +FLAGS (\\Deleted)');
    await other.ok('EXPUNGE');
    await until(line => line.includes('MESSAGES 0'));
    await silent();
  });

  test('with CONDSTORE the MODSEQ is told, and flags only where they are asked for', async () => {
    await client.ok('ENABLE CONDSTORE');
    await client.ok('NOTIFY SET (SUBTREE Pratiche (MessageNew MessageExpunge)) (MAILBOXES Bozze NONE)');
    await account.deliver('Pratiche/Rossi', message('uno'));
    expect(await client.next()).toMatch(/^\* STATUS "Pratiche\/Rossi" \(MESSAGES 1 .* HIGHESTMODSEQ \d+\)$/);
    await account.deliver('Bozze', message('due'));
    await other.ok('SELECT Pratiche/Rossi');
    await other.ok('STORE 1 +FLAGS (\\Flagged)');
    await settle();
    await silent();
  });

  test('the first group that fits decides', async () => {
    await client.ok(`NOTIFY SET (MAILBOXES Bozze NONE) (PERSONAL (${ALL}))`);
    await account.deliver('Bozze', message('uno'));
    await account.deliver('INBOX', message('due'));
    expect(await client.next()).toMatch(/^\* STATUS "INBOX"/);
    await settle();
    await silent();
  });

  test('a new NOTIFY replaces the one before it, and NONE ends it', async () => {
    await client.ok(`NOTIFY SET (PERSONAL (${ALL}))`);
    await client.ok(`NOTIFY SET (MAILBOXES Bozze (${ALL}))`);
    await account.deliver('INBOX', message('uno'));
    await account.deliver('Bozze', message('due'));
    expect(await client.next()).toMatch(/^\* STATUS "Bozze"/);
    await client.ok('NOTIFY NONE');
    await account.deliver('Bozze', message('tre'));
    await settle();
    await silent();
  });

  test('views that come into being are listed at once, with their numbers', async () => {
    await account.deliver('INBOX', message('uno'), [], Date.UTC(2026, 5, 1));
    await client.ok(`NOTIFY SET (SUBTREE Archivio (${ALL} MailboxName))`);
    await other.ok('SELECT INBOX');
    await other.ok('COPY 1 Archivio');
    const heard: string[] = [];
    while (heard.length < 7) heard.push(await client.next());
    const names = (kind: string) =>
      heard.filter(line => line.startsWith(`* ${kind} `)).map(line => /"(Archivio[^"]*)"/.exec(line)?.[1]);
    expect(names('LIST').sort()).toEqual(['Archivio/2026', 'Archivio/2026/06', 'Archivio/2026/06/Ordinaria']);
    expect(names('STATUS').sort()).toEqual([
      'Archivio',
      'Archivio/2026',
      'Archivio/2026/06',
      'Archivio/2026/06/Ordinaria',
    ]);
    expect(heard.find(line => line.includes('/Ordinaria"'))).toMatch(
      /^\* LIST \(\\HasNoChildren \\NoInferiors \\Subscribed\)/,
    );
    await other.ok('SELECT Archivio');
    await other.ok('STORE 1 +FLAGS (\\Deleted)');
    await other.ok('EXPUNGE');
    expect(await until(line => line.includes('NonExistent'))).toMatch(
      /^\* LIST \(\\NonExistent\) "\/" "Archivio\/2026/,
    );
  });

  test('only what has changed in a tree is told', async () => {
    for (const year of [2024, 2025, 2026]) {
      await account.deliver('INBOX', message(`anno ${year}`).replace('2026', String(year)), [], Date.UTC(year, 2, 5));
    }
    await other.ok('SELECT INBOX');
    await other.ok('COPY 1:3 Archivio');
    const views = (await client.data('LIST "" "Archivio/*"')).map(line => / "(Archivio[^"]*)"$/.exec(line)?.[1] ?? '');
    await client.ok(`NOTIFY SET (PERSONAL (${ALL}))`);
    await other.ok('SELECT Archivio/2025');
    await other.ok('STORE 1 +FLAGS (\\Flagged)');
    const heard: string[] = [];
    for (let turn = 0; turn < 4; turn++) heard.push(/"([^"]*)"/.exec(await client.next())?.[1] ?? '');
    expect(heard.sort()).toEqual(['Archivio', ...views.filter(name => name.startsWith('Archivio/2025'))].sort());
    await settle();
    await silent();
  });

  test('mailboxes that are made, renamed and removed, and subscriptions', async () => {
    await client.ok('NOTIFY SET (PERSONAL (MailboxName SubscriptionChange))');
    await other.ok('CREATE Nuova');
    expect(await client.next()).toBe('* LIST (\\HasNoChildren) "/" "Nuova"');
    await other.ok('SUBSCRIBE Nuova');
    expect(await client.next()).toBe('* LIST (\\HasNoChildren \\Subscribed) "/" "Nuova"');
    await other.ok('RENAME Nuova "Nuova &AOg- altra"');
    expect(await client.next()).toBe('* LIST (\\HasNoChildren) "/" "Nuova &AOg- altra" ("OLDNAME" ("Nuova"))');
    await other.ok('DELETE "Nuova &AOg- altra"');
    expect(await client.next()).toBe('* LIST (\\NonExistent) "/" "Nuova &AOg- altra"');
    await other.ok('SUBSCRIBE Bozze');
    expect(await client.next()).toBe('* LIST (\\HasNoChildren \\Subscribed) "/" "Bozze"');
    await account.deliver('Bozze', message('uno'));
    await settle();
    await silent();
  });

  test('SUBSCRIBED follows the subscriptions', async () => {
    await client.ok(`NOTIFY SET (SUBSCRIBED (${ALL} SubscriptionChange))`);
    await account.deliver('Bozze', message('uno'));
    await account.deliver('INBOX', message('due'));
    expect(await client.next()).toMatch(/^\* STATUS "INBOX"/);
    await other.ok('SUBSCRIBE Bozze');
    expect(await client.next()).toMatch(/^\* LIST \(.*\\Subscribed\) "\/" "Bozze"/);
    await account.deliver('Bozze', message('tre'));
    expect(await client.next()).toMatch(/^\* STATUS "Bozze" \(MESSAGES 2/);
    await other.ok('UNSUBSCRIBE Bozze');
    expect(await client.next()).toBe('* LIST (\\HasNoChildren) "/" "Bozze"');
  });
});

describe('the selected mailbox', () => {
  beforeEach(async () => {
    await account.deliver('INBOX', message('uno'));
    await account.deliver('INBOX', message('due'));
    await client.ok('SELECT INBOX');
    await other.ok('SELECT INBOX');
  });

  test('without a group for it, it is silent, but for what the client does itself', async () => {
    await client.ok(`NOTIFY SET (PERSONAL (${ALL}))`);
    await account.deliver('INBOX', message('tre'));
    await other.ok('STORE 1 +FLAGS (\\Flagged)');
    await settle();
    await silent();
    await client.ok('STORE 2 +FLAGS (\\Deleted)');
    expect(await client.data('EXPUNGE')).toEqual(['* 2 EXPUNGE']);
    await client.ok(`NOTIFY SET (SELECTED (${ALL}))`);
    await account.deliver('INBOX', message('quattro'));
    expect(await client.next()).toMatch(/^\* \d EXISTS$/);
  });

  test('SELECTED tells everything at once, expunges too', async () => {
    await client.ok(`NOTIFY SET (SELECTED (${ALL}))`);
    await account.deliver('INBOX', message('tre'));
    expect(await client.next()).toBe('* 3 EXISTS');
    expect(await client.next()).toBe('* 0 RECENT');
    await other.ok('STORE 1 +FLAGS (\\Deleted)');
    expect(await client.next()).toMatch(/^\* 1 FETCH \(FLAGS \(.*\\Deleted.*\)\)$/);
    await other.ok('EXPUNGE');
    expect(await client.next()).toBe('* 1 EXPUNGE');
    await silent();
  });

  test('SELECTED-DELAYED keeps expunges for a command that allows them', async () => {
    await client.ok(`NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge))`);
    await other.ok('STORE 1 +FLAGS (\\Deleted)');
    await other.ok('EXPUNGE');
    await account.deliver('INBOX', message('tre'));
    expect(await client.next()).toBe('* 3 EXISTS');
    expect(await client.next()).toBe('* 0 RECENT');
    expect(await client.data('FETCH 2 UID')).toEqual(['* 2 FETCH (UID 2)']);
    expect(await client.data('NOOP')).toEqual(['* 1 EXPUNGE']);
  });

  test('new messages come with what was asked for, and are not read by it', async () => {
    await client.ok('NOTIFY SET (SELECTED (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge))');
    await account.deliver('INBOX', message('tre'));
    expect(await client.next()).toBe('* 3 EXISTS');
    expect(await client.next()).toBe('* 0 RECENT');
    expect(await client.next()).toBe(
      '* 3 FETCH (UID 3 FLAGS () BODY[HEADER.FIELDS (SUBJECT)] {16}\r\nSubject: tre\r\n\r\n)',
    );
    await client.send('i IDLE\r\n');
    expect(await client.next()).toMatch(/^\+/);
    await account.deliver('INBOX', message('quattro'));
    expect(await client.next()).toBe('* 4 EXISTS');
    expect(await client.next()).toBe('* 0 RECENT');
    expect(await client.next()).toMatch(/^\* 4 FETCH \(UID 4 FLAGS \(\)/);
    await client.send('DONE\r\n');
    expect(await client.next()).toMatch(/^i OK/);
  });

  test('goes with the selection, and NONE is silence', async () => {
    await client.ok(`NOTIFY SET (SELECTED (${ALL})) (PERSONAL (${ALL}))`);
    await client.ok('SELECT Bozze');
    await account.deliver('INBOX', message('tre'));
    expect(await client.next()).toMatch(/^\* STATUS "INBOX" \(MESSAGES 3/);
    await account.deliver('Bozze', message('quattro'));
    expect(await client.next()).toBe('* 1 EXISTS');
    expect(await client.next()).toBe('* 0 RECENT');
    await client.ok('NOTIFY NONE');
    await account.deliver('Bozze', message('cinque'));
    await settle();
    await silent();
  });

  test('nothing stands inside a literal, however much happens meanwhile', async () => {
    const body = 'x'.repeat(78).concat('\r\n').repeat(40_000);
    await account.deliver('INBOX', message('grande', body));
    await client.ok(
      `NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[]) MessageExpunge FlagChange)) (PERSONAL (${ALL}))`,
    );
    for (let turn = 0; turn < 10; turn++) {
      await client.send(`f${turn} FETCH 3 (BODY.PEEK[TEXT])\r\n`);
      await account.deliver('Bozze', message(`bozza ${turn}`));
      if (turn % 3 === 0) await account.deliver('INBOX', message(`altro ${turn}`));
      const reply = await client.reply(`f${turn}`);
      expect(reply.status).toBe('OK');
      const fetched = reply.untagged.find(response => response.length > body.length);
      expect(fetched?.includes(Buffer.from(`${body}\r\n)\r\n`))).toBe(true);
      for (const response of reply.untagged)
        expect(String(response)).toMatch(/^\* (?:\d+ (?:FETCH|EXISTS|RECENT)|STATUS)/);
    }
  });
});
