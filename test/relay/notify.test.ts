import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/processes.ts';
import { type Scene, startScene } from './scene.ts';

const BASE = 'IMAP4rev1 SASL-IR LITERAL+ UIDPLUS MOVE UNSELECT NAMESPACE IDLE';
const ALL = '(MessageNew MessageExpunge FlagChange)';

let scene: Scene;
let { upstream, proxy, client, session, on } = {} as Scene;

async function start(capabilities = `${BASE} NOTIFY`): Promise<void> {
  scene = await startScene({ capabilities });
  ({ upstream, proxy, client, session, on } = scene);
  on(/^NOTIFY/, tag => session().say(`${tag} OK done\r\n`));
}
afterEach(() => scene.stop());

/** What the upstream was asked to notify of, last. */
function asked(): string | undefined {
  return session()
    .received.map(line => line.replace(/^\S+ /, ''))
    .findLast(line => line.startsWith('NOTIFY'));
}

async function deliver(subject: string, year = 2026): Promise<void> {
  const spool = await proxy.store.spool();
  await spool.write(Buffer.from(`Subject: ${subject}\r\nMessage-ID: <${subject}@pec.example.it>\r\n\r\nciao\r\n`));
  await proxy.store.file({ tree: 'archive' }, spool, {
    flags: [],
    internalDate: Date.UTC(year, 4, 5),
    origin: { direction: 'received', source: 'archiver' },
  });
}

const next = async () => String(await client.response(5_000)).trimEnd();

describe('NOTIFY in front of an upstream', () => {
  test.each([
    [`SET (PERSONAL ${ALL})`, `NOTIFY SET (PERSONAL ${ALL})`],
    [
      `SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (FROM)]) MessageExpunge)) (subscribed ${ALL})`,
      `NOTIFY SET STATUS (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (FROM)]) MessageExpunge)) (SUBSCRIBED ${ALL})`,
    ],
    [
      `SET (MAILBOXES (INBOX Archivio "Bozze \\"1\\"") ${ALL}) (SUBTREE Conservazione NONE)`,
      `NOTIFY SET (MAILBOXES ("INBOX" "Bozze \\"1\\"") ${ALL})`,
    ],
    [`SET (SUBTREE Archivio ${ALL})`, 'NOTIFY NONE'],
    ['NONE', 'NOTIFY NONE'],
  ])('%s goes on as %s', async (written, passed) => {
    await start();
    await client.ok(`NOTIFY ${written}`);
    expect(asked()).toBe(passed);
  });

  test('what is wrong is not passed on, and what the upstream refuses is refused', async () => {
    await start();
    expect((await client.command('NOTIFY SET (PERSONAL (FlagChange))')).status).toBe('BAD');
    expect((await client.command('NOTIFY SET (PERSONAL (AnnotationChange))')).line).toMatch(
      / NO \[BADEVENT \(MessageNew /,
    );
    expect(asked()).toBeUndefined();
    on(/^NOTIFY/, tag => session().say(`${tag} NO [LIMIT] no more\r\n`));
    expect((await client.command(`NOTIFY SET (PERSONAL ${ALL})`)).line).toMatch(/ NO \[LIMIT\] no more$/);
    await deliver('uno');
    await new Promise(resolve => setTimeout(resolve, 500));
    expect((await client.ok('NOOP')).untagged).toEqual([]);
  });

  test('is not to be had where the upstream lacks it', async () => {
    await start(BASE);
    expect(String((await client.ok('CAPABILITY')).untagged[0])).not.toContain('NOTIFY');
    expect((await client.command(`NOTIFY SET (SUBTREE Archivio ${ALL})`)).status).toBe('BAD');
  });

  test('both sides are heard in one session, whichever is selected', async () => {
    await start();
    on(/^NOTIFY SET STATUS/, tag => session().say(`* STATUS INBOX (MESSAGES 3 UIDNEXT 4)\r\n${tag} OK done\r\n`));
    const set = await client.ok(
      `NOTIFY SET STATUS (SELECTED ${ALL}) (PERSONAL (MessageNew MessageExpunge MailboxName))`,
    );
    const told = set.untagged.map(String);
    expect(told[0]).toBe('* STATUS INBOX (MESSAGES 3 UIDNEXT 4)\r\n');
    expect(told.join('')).toMatch(/\* STATUS "Archivio" \(MESSAGES 0 /);
    // Nothing selected.
    session().say('* STATUS Bozze (MESSAGES 1 UIDNEXT 2)\r\n');
    expect(await next()).toBe('* STATUS Bozze (MESSAGES 1 UIDNEXT 2)');
    await deliver('uno');
    const heard = [await next(), await next(), await next(), await next(), await next(), await next(), await next()];
    expect(heard.filter(line => line.startsWith('* LIST')).map(line => /"(Archivio[^"]*)"/.exec(line)?.[1])).toEqual([
      'Archivio/2026',
      'Archivio/2026/05',
      'Archivio/2026/05/Ordinaria',
    ]);
    expect(heard.filter(line => line.startsWith('* STATUS'))).toHaveLength(4);
    // An upstream folder is selected: its own data as ever, and news of views beside it.
    await client.ok('SELECT INBOX');
    session().say('* 4 EXISTS\r\n* 4 FETCH (UID 9)\r\n');
    expect(await next()).toBe('* 4 EXISTS');
    expect(await next()).toBe('* 4 FETCH (UID 9)');
    await deliver('due', 2025);
    expect(await next()).toMatch(/^\* LIST .*"Archivio\/2025"/);
    for (let turn = 0; turn < 6; turn++) expect(await next()).toMatch(/^\* (LIST|STATUS)/);
    // A view is selected: news of it, and of the upstream's folders.
    await client.ok('SELECT Archivio/2026/05/Ordinaria');
    session().say('* STATUS INBOX (MESSAGES 5 UIDNEXT 10)\r\n* LIST (\\NonExistent) "/" Bozze\r\n* 7 EXISTS\r\n');
    expect(await next()).toBe('* STATUS INBOX (MESSAGES 5 UIDNEXT 10)');
    expect(await next()).toBe('* LIST (\\NonExistent) "/" Bozze');
    await deliver('tre');
    const more = [await next(), await next(), await next(), await next(), await next()];
    expect(more).toContain('* 2 EXISTS');
    expect(more.filter(line => line.startsWith('* STATUS "Archivio')).length).toBe(3);
    expect((await client.ok('NOOP')).untagged).toEqual([]);
  });

  test('what the upstream tells stays outside of our literals', async () => {
    await start();
    await client.ok(`NOTIFY SET (PERSONAL ${ALL})`);
    const size = 8 * 1024 * 1024;
    const spool = await proxy.store.spool();
    await spool.write(Buffer.from('Subject: grande\r\n\r\n'));
    for (let at = 0; at < size; at += 65_536) await spool.write(Buffer.alloc(65_536, 'z'));
    const { uid } = await proxy.store.file({ tree: 'archive' }, spool, {
      flags: [],
      origin: { direction: 'received', source: 'archiver' },
    });
    await client.ok('SELECT Archivio');
    const chatter = setInterval(
      () => session().say('* STATUS INBOX (MESSAGES 5)\r\n* LIST () "/" {5}\r\nBozze\r\n'),
      0,
    );
    client.socket.pause();
    await client.send(`f UID FETCH ${uid} BODY.PEEK[]\r\n`);
    await new Promise(resolve => setTimeout(resolve, 200));
    client.socket.resume();
    const reply = await client.reply('f');
    clearInterval(chatter);
    const fetched = reply.untagged.find(response => response.length > size);
    expect(fetched?.subarray(-size - 3, -3).every(octet => octet === 0x7a)).toBe(true);
    expect(reply.status).toBe('OK');
    expect(await next()).toMatch(/^\* (STATUS|LIST)/);
  });

  test('more than can be kept ends the notifications, and both sides know', async () => {
    await start();
    await client.ok(`NOTIFY SET (PERSONAL ${ALL})`);
    await client.ok('SELECT Archivio');
    const gate = Promise.withResolvers<void>();
    const original = proxy.store.search.bind(proxy.store);
    proxy.store.search = async (...parameters) => {
      await gate.promise;
      return original(...parameters);
    };
    await client.send('s SEARCH ALL\r\n');
    for (let turn = 0; turn < 100; turn++) session().say(`* STATUS "${'x'.repeat(4_000)}" (MESSAGES 5)\r\n`);
    await eventually('the upstream to be silenced', async () => asked() === 'NOTIFY NONE');
    gate.resolve();
    expect((await client.reply('s')).status).toBe('OK');
    expect(await next()).toMatch(/^\* OK \[NOTIFICATIONOVERFLOW\]/);
    await deliver('uno');
    await new Promise(resolve => setTimeout(resolve, 500));
    expect((await client.ok('NOOP')).untagged.map(String).join('')).not.toContain('STATUS');
  });

  test("the upstream's own overflow ends ours", async () => {
    await start();
    await client.ok(`NOTIFY SET (PERSONAL ${ALL})`);
    session().say('* OK [NOTIFICATIONOVERFLOW] too much\r\n');
    expect(await next()).toBe('* OK [NOTIFICATIONOVERFLOW] too much');
    await deliver('uno');
    await new Promise(resolve => setTimeout(resolve, 500));
    expect((await client.ok('NOOP')).untagged).toEqual([]);
  });

  test('a lost upstream is asked again when it is back', async () => {
    await start();
    await client.ok(`NOTIFY SET (PERSONAL ${ALL})`);
    await client.ok('SELECT Archivio');
    session().socket.destroy();
    await client.ok('NOOP');
    await client.ok('SELECT INBOX');
    expect(upstream.sessions).toHaveLength(2);
    expect(asked()).toBe(`NOTIFY SET (PERSONAL ${ALL})`);
  });
});
