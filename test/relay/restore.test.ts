import { afterEach, expect, it } from 'vitest';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;
afterEach(() => scene.stop());

const DATE = '"01-Jun-2026 10:00:00 +0200"';
const raw = (subject: string) => `Subject: ${subject}\r\nDate: Mon, 1 Jun 2026 10:00:00 +0200\r\n\r\nx`;

/**
 * A view with two messages is open, in front of an upstream that takes APPEND in some way.
 * @param first what it says to an APPEND at once
 * @param last what it says when the last octet has come
 */
async function start(capabilities: string, first: string, last: string): Promise<() => string[]> {
  scene = await startScene({ capabilities: `IMAP4rev1 SASL-IR UIDPLUS MOVE UNSELECT NAMESPACE ${capabilities}` });
  for (const subject of ['uno', 'due']) await scene.client.append('Archivio', Buffer.from(raw(subject)), DATE);
  await scene.client.ok('SELECT Archivio');
  const before = scene.session().received.length;
  let append = '';
  scene.upstream.answer = ({ say }, tag, command) => {
    if (command.startsWith('APPEND')) {
      append = tag;
      if (first !== '') say(first.replace('TAG', tag));
    } else if (tag === 'x' && command === '') {
      if (last !== '') say(`${append} ${last}\r\n`);
    } else {
      return command.startsWith('{') || command === '' || / \{\d+\+?\}$/.test(command) || tag.endsWith(':');
    }
    return true;
  };
  return () => scene.session().received.slice(before);
}

it('several messages go into one APPEND; refused at once, its literals follow, and nothing has left the view', async () => {
  const lines = await start('LITERAL+ MULTIAPPEND', 'TAG NO [OVERQUOTA] full\r\n', '');
  expect((await scene.client.command('MOVE 1:2 Bozze')).line).toMatch(/ NO \[OVERQUOTA\] /);
  expect((await scene.client.ok('SEARCH ALL')).raw.toString()).toContain('* SEARCH 1 2\r\n');
  // The upstream has been told the whole command: the next one is one.
  await scene.client.ok('SELECT INBOX');
  const size = raw('uno').length;
  expect(lines().filter(line => /\}$/.test(line))).toEqual([
    expect.stringMatching(new RegExp(`^\\S+ APPEND "Bozze" \\(\\) " 1-Jun-2026 [^"]*" \\{${size}\\+\\}$`)),
    expect.stringMatching(new RegExp(`^x \\(\\) " 1-Jun-2026 [^"]*" \\{${size}\\+\\}$`)),
  ]);
  expect(lines().at(-1)).toMatch(/ SELECT INBOX$/);
});

it.each([
  ['8:9', / OK \[COPYUID 5 1:2 8:9\] /],
  ['8:4000000000', / OK Copy completed/],
])('the UIDs %s that it tells of them are believed where there is one for each', async (uids, told) => {
  await start('LITERAL+ MULTIAPPEND', '', `OK [APPENDUID 5 ${uids}] done`);
  expect((await scene.client.ok('COPY 1:2 Bozze')).line).toMatch(told);
});

it('without MULTIAPPEND they go one by one', async () => {
  const lines = await start('', '+ go\r\n', 'OK [APPENDUID 5 8] done');
  expect((await scene.client.ok('COPY 1:2 Bozze')).line).toContain('[COPYUID 5 1:2 8,8]');
  expect(lines().filter(line => line.includes('APPEND'))).toHaveLength(2);
});

it('what the upstream had taken before it hung up is taken back over another connection, and nothing older', async () => {
  await start('', '', '');
  for (const subject of ['tre', 'quattro']) await scene.client.append('Archivio', Buffer.from(raw(subject)), DATE);
  const told: string[] = [];
  let appends = 0;
  scene.upstream.answer = ({ say, socket }, tag, command) => {
    if (command.startsWith('APPEND')) {
      if (++appends === 4) socket.destroy();
      else say('+ go\r\n');
    } else if (command.startsWith('STATUS')) {
      say(`* STATUS "Bozze" (UIDNEXT 8 UIDVALIDITY 5)\r\n${tag} OK done\r\n`);
    } else if (tag === 'x' && command === '') {
      // Of one that it had already, a mailbox without duplicates tells the old place.
      const uid = [8, 3, 10][appends - 1];
      say(
        `${
          scene
            .session()
            .received.findLast(line => line.includes('APPEND'))
            ?.split(' ')[0]
        } OK [APPENDUID 5 ${uid}]\r\n`,
      );
    } else if (command.startsWith('SELECT "Bozze"')) {
      say(`* 9 EXISTS\r\n* OK [UIDVALIDITY 5] ok\r\n${tag} OK [READ-WRITE] in\r\n`);
    } else if (command.startsWith('UID ')) {
      told.push(command);
      say(`${tag} OK done\r\n`);
    } else {
      return command === '' || tag.endsWith(':');
    }
    return true;
  };
  const reply = await scene.client.command('MOVE 1:4 Bozze');
  expect(reply.line).toMatch(/ NO \[UNAVAILABLE\] .*: da 1 a 2 \(messaggi: 4\)\.$/);
  expect(told).toEqual(['UID STORE 8,10 +FLAGS.SILENT (\\Deleted)', 'UID EXPUNGE 8,10', 'UID FETCH 8,10 (UID)']);
  expect((await scene.client.ok('SEARCH ALL')).raw.toString()).toContain('* SEARCH 1 2 3 4\r\n');
});
