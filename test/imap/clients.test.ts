import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Engine, message } from './support/engine.ts';

/** What real clients send at the start of their work, in their own spelling. */

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterEach(() => expect(engine.errors).toEqual([]));
afterAll(() => engine.stop());

async function mailbox(count = 3) {
  const account = await engine.account();
  const client = await account.login();
  for (let index = 1; index <= count; index++) {
    await account.deliver('INBOX', message(`numero ${index}`), [], Date.UTC(2026, 5, 15));
  }
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1:* Archivio');
  await client.ok('UNSELECT');
  return { account, client };
}

const SESSIONS: Record<string, readonly string[]> = {
  Thunderbird: [
    'capability',
    'namespace',
    'ID ("name" "Thunderbird" "version" "153.7")',
    'list (subscribed) "" "*" return (special-use)',
    'list "" "INBOX"',
    'select "INBOX"',
    'getquotaroot "INBOX"',
    'myrights "INBOX"',
    'getquotaroot "INBOX"',
    'UID fetch 1:* (FLAGS)',
    'UID fetch 1:3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])',
    'UID fetch 1 (UID RFC822.SIZE BODY[])',
    'UID fetch 2 (UID RFC822.SIZE BODY.PEEK[]<0.65536>)',
    'uid store 3 +Flags (\\Seen)',
    'uid SEARCH UNDELETED BODY "numero"',
    'STATUS "Archivio" (UIDNEXT MESSAGES UNSEEN RECENT)',
    'uid copy 1 "--ARCHIVIA--"',
    'uid move 1 "--ARCHIVIA--"',
    'uid move 1 "--ARCHIVIA--"',
    'noop',
    'close',
  ],
  'K-9': [
    'CAPABILITY',
    'LIST "" ""',
    'LIST "" "*" RETURN (SPECIAL-USE)',
    'LSUB "" "*"',
    'STATUS "INBOX" (UIDVALIDITY)',
    'EXAMINE "Archivio"',
    'UID SEARCH *:*',
    'SEARCH 1:* UNSEEN NOT DELETED',
    'UID FETCH 1,2,3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (date subject from)])',
    'SELECT "Archivio"',
    'UID FETCH 1 (UID BODYSTRUCTURE)',
  ],
  FairEmail: [
    'CAPABILITY',
    'ID ("name" "FairEmail" "version" "1.2300")',
    'LIST "" ""',
    'NAMESPACE',
    'LIST "" "*" RETURN (SPECIAL-USE)',
    'LSUB "" "*"',
    'STATUS "Archivio/2026/06/Ordinaria" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)',
    'EXAMINE "Archivio/2026"',
    'FETCH 1:* (FLAGS UID)',
    'SELECT "Archivio"',
    'UID SEARCH HEADER Message-ID "<manca@pec.example.it>"',
    'UID FETCH 1:3 (FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER])',
    'UID MOVE 1 "--ARCHIVIA--"',
    'NOTIFY SET STATUS (SUBSCRIBED (MessageNew MessageExpunge FlagChange)) (SELECTED (MessageNew MessageExpunge FlagChange))',
    'NOTIFY NONE',
    'CLOSE',
  ],
  NeoMutt: [
    'ENABLE UTF8=ACCEPT',
    'LIST (SUBSCRIBED RECURSIVEMATCH) "" "*" RETURN (CHILDREN)',
    'LIST "" "%" RETURN (CHILDREN)',
    'SELECT "Archivio" (CONDSTORE)',
    'UID SEARCH 1:*',
    'UID STORE 1 +FLAGS.SILENT (Old)',
    'UID COPY 1 "--ARCHIVIA--"',
    'LOGOUT',
  ],
  'Apple Mail': [
    'ID ("name" "iPhone Mail" "version" "22A3354")',
    'LIST "" "*" RETURN (SPECIAL-USE STATUS (UNSEEN))',
    'LSUB "" *',
    'SELECT INBOX (CONDSTORE)',
    'FETCH 1:3 (FLAGS UID)',
    'UID FETCH 1:3 (UID FLAGS) (CHANGEDSINCE 0)',
    'UNSELECT',
  ],
  Outlook: [
    'CAPABILITY',
    'ID NIL',
    'XLIST "" "*"',
    'LIST "" "*"',
    'LSUB "" "*"',
    'SELECT "INBOX"',
    'UID FETCH 1:* (UID FLAGS)',
    'UID FETCH 1 (UID ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)',
    'UID STORE 1 +FLAGS.SILENT (\\Deleted)',
    'CHECK',
  ],
  mbsync: [
    'NAMESPACE',
    'LIST "" "*"',
    'SELECT "Archivio/2026/06/Ordinaria"',
    'UID FETCH 1:3 (UID FLAGS)',
    'UID FETCH 1 (BODY.PEEK[])',
    'CHECK',
    'CLOSE',
  ],
  mutt: [
    'ENABLE UTF8=ACCEPT',
    'ENABLE QRESYNC',
    'LIST "" ""',
    'LSUB "" "*"',
    'SELECT "INBOX" (CONDSTORE)',
    'FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT)])',
    'STATUS "Archivio" (UIDNEXT UIDVALIDITY UNSEEN RECENT MESSAGES)',
    'UID COPY 2 "--ARCHIVIA--"',
    'UID STORE 2 +FLAGS.SILENT (\\Deleted Old)',
    'EXPUNGE',
    'CLOSE',
  ],
};

describe.each(Object.entries(SESSIONS))('%s', (_name, commands) => {
  it('gets OK to all that it sends', async () => {
    const { client } = await mailbox();
    for (const command of commands) expect(await client.answer(command), command).toMatch(/^OK /);
  });
});

describe('habits', () => {
  it('UID is the first item of every answer to a UID FETCH (Thunderbird mixes bodies up otherwise)', async () => {
    const { client } = await mailbox();
    await client.ok('SELECT INBOX');
    for (const items of ['(RFC822.SIZE BODY.PEEK[] UID)', 'FLAGS', '(BODY.PEEK[HEADER] INTERNALDATE)', 'ALL']) {
      for (const line of await client.data(`UID FETCH 1:* ${items}`)) expect(line).toMatch(/^\* \d+ FETCH \(UID \d+ /);
    }
  });

  it('the same UID MOVE twice: the second finds nothing and archives nothing', async () => {
    const { client } = await mailbox();
    await client.ok('SELECT INBOX');
    await client.send('a UID MOVE 1 "--ARCHIVIA--"\r\nb UID MOVE 1 "--ARCHIVIA--"\r\n');
    expect((await client.reply('a')).line).toMatch(/^a OK /);
    expect((await client.reply('b')).line).toBe('b OK No messages found.');
    expect(await client.data('STATUS --ARCHIVIA-- (MESSAGES)')).toEqual(['* STATUS "--ARCHIVIA--" (MESSAGES 1)']);
  });

  it('only the leaves are subscribed to begin with', async () => {
    const { client } = await mailbox();
    const names = (await client.data('LSUB "" *')).map(line => line.split(' "/" ')[1]);
    expect(names).toEqual(expect.arrayContaining(['"--ARCHIVIA--"', '"Archivio/2026/06/Ordinaria"']));
    expect(names).not.toContain('"Archivio"');
    expect(names).not.toContain('"Archivio/2026"');
  });

  it('LOGIN and more in one packet', async () => {
    const { account } = await mailbox();
    const client = engine.connect();
    await client.response();
    await client.send(`a LOGIN ${account.address} segreta\r\nb SELECT INBOX\r\nc FETCH 1 UID\r\nc LOGOUT\r\n`);
    expect((await client.reply('a')).line).toMatch(/^a OK \[CAPABILITY IMAP4rev1 /);
    expect((await client.reply('b')).status).toBe('OK');
    expect((await client.reply('c')).status).toBe('OK');
    expect((await client.reply('c')).untagged.map(String)).toEqual(['* BYE Logging out\r\n']);
  });
});
