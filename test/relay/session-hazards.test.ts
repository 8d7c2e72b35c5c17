import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { USER } from './proxy.ts';
import { type Scene, startScene } from './scene.ts';

/** What the relay waits for its upstream at LOGOUT, and what it waits here. */
const LOGOUT_MILLISECONDS = 5_000;
vi.mock('node:timers/promises', async load => {
  const timers = await load<typeof import('node:timers/promises')>();
  const sleep: typeof timers.setTimeout = (delay, ...rest) =>
    timers.setTimeout(delay === LOGOUT_MILLISECONDS ? 300 : delay, ...rest);
  return { ...timers, setTimeout: sleep };
});

let scene: Scene;
let { upstream, proxy, client, session, on } = {} as Scene;

beforeEach(async () => {
  scene = await startScene({
    capabilities:
      'IMAP4rev1 SASL-IR LITERAL+ IDLE UIDPLUS MOVE UNSELECT NAMESPACE ENABLE CONDSTORE QRESYNC ID LIST-EXTENDED',
  });
  ({ upstream, proxy, client, session, on } = scene);
});
afterEach(() => scene.stop());

const text = (untagged: readonly Buffer[]) => untagged.map(String).join('');

/** A message of some megabytes in Archivio: it streams for a while. */
async function archiveLarge(size = 4 * 1024 * 1024): Promise<Buffer> {
  const raw = Buffer.concat([Buffer.from('Subject: grande\r\n\r\n'), Buffer.alloc(size, 'abcdefg\r\n')]);
  expect((await client.append('Archivio', raw)).status).toBe('OK');
  return raw;
}

describe('tags and continuations', () => {
  test("a client's tag that is the proxy's own next tag", async () => {
    on(/^UNSELECT/, tag => session().say(`${tag} OK left\r\n`));
    await client.ok('SELECT INBOX');
    await client.ok('SELECT Archivio');
    const [, prefix = '', number = ''] = /^(A[0-9A-Z]{3,}?)(\d+) UNSELECT$/.exec(session().received.at(-1) ?? '') ?? [];
    // Whichever way prefix and number are told apart, the next ones are taken.
    const tags = [1, 2, 3].map(step => `${prefix}${Number(number) + step}`);
    await client.ok('SELECT INBOX');
    on(/^FETCH/, () => {});
    const held: string[] = [];
    on(/^NOOP/, tag => held.push(tag));
    await client.send(tags.map(tag => `${tag} NOOP\r\n`).join(''));
    await client.send('z SELECT Archivio\r\n');
    await eventually('all of them upstream', () => held.length === tags.length);
    for (const tag of held) session().say(`${tag} OK noop\r\n`);
    for (const tag of tags) expect((await client.reply(tag)).line).toBe(`${tag} OK noop`);
    expect((await client.reply('z')).status).toBe('OK');
  });

  test('tagged answers and invitations that nobody waits for are dropped', async () => {
    await client.ok('SELECT INBOX');
    on(/^NOOP/, tag => session().say(`+ stray\r\nq1 OK stray\r\n+\r\n${tag} OK noop\r\nzz BAD stray\r\n`));
    const reply = await client.ok('NOOP');
    expect(text(reply.untagged)).toBe('');
    on(/^NOOP/, tag => session().say(`${tag} OK noop\r\n`));
    await client.send('q1 NOOP\r\n');
    expect((await client.reply('q1')).raw.toString()).toBe('q1 OK noop\r\n');
  });

  test('an invitation that comes twice invites once', async () => {
    await client.ok('SELECT INBOX');
    on(/^APPEND/, tag => {
      session().say('+ one\r\n+ two\r\n');
      on(/^$/, () => session().say(`${tag} OK appended\r\n`));
    });
    await client.send('a APPEND INBOX {2}\r\n');
    expect(String(await client.response())).toBe('+ one\r\n');
    await client.send('\r\n\r\n');
    expect(String(await client.response())).toBe('a OK appended\r\n');
  });

  test.each([
    ['NO', 'text that ends like a literal {5}'],
    ['OK', '[X-CODE {3}] done {1}'],
  ])('%s %s: status text holds no literal', async (status, words) => {
    await client.ok('SELECT INBOX');
    on(/^NOOP/, tag => session().say(`* OK note {7}\r\n${tag} ${status} ${words}\r\n`));
    // Read as a plain stream: the marks are text.
    let heard = '';
    client.socket.on('data', chunk => {
      heard += chunk.toString('latin1');
    });
    await client.send('n NOOP\r\nm CAPABILITY\r\n');
    await eventually('both answers', () => /^m OK /m.test(heard));
    expect(heard).toContain(`* OK note {7}\r\nn ${status} ${words}\r\n* CAPABILITY`);
  });

  test('bare line feeds, a long line, and an empty line', async () => {
    await client.ok('SELECT INBOX');
    const set = Array.from({ length: 14_000 }, (_, index) => index * 2 + 1).join(',');
    await client.send(`a NOOP\n\r\n\nb FETCH ${set} FLAGS\n`);
    expect((await client.reply('a')).status).toBe('OK');
    expect((await client.reply('b')).status).toBe('OK');
    expect(session().received.at(-1)).toBe(`b FETCH ${set} FLAGS`);
  });
});

describe('pipelining without end', () => {
  test('waits for answers instead of filling the memory', async () => {
    await client.ok('SELECT INBOX');
    const waiting: string[] = [];
    on(/^NOOP/, tag => waiting.push(tag));
    const count = 20_000;
    await client.send(Array.from({ length: count }, (_, index) => `n${index} NOOP\r\n`).join(''));
    let before = 0;
    await eventually('the proxy to wait', async () => {
      const still = waiting.length > 0 && waiting.length === before;
      before = waiting.length;
      await new Promise(resolve => setTimeout(resolve, 100));
      return still;
    });
    expect(waiting.length).toBeLessThanOrEqual(1_000);
    on(/^NOOP/, tag => session().say(`${tag} OK\r\n`));
    session().say(waiting.map(tag => `${tag} OK\r\n`).join(''));
    for (let index = 0; index < count; index++) expect(String(await client.response())).toBe(`n${index} OK\r\n`);
    await client.ok('SELECT Archivio');
  });

  test('goes on when the upstream is lost behind it', async () => {
    await client.ok('SELECT Archivio');
    await client.ok('UNSELECT');
    on(/^STATUS/, () => {});
    await client.send(Array.from({ length: 2_000 }, (_, index) => `n${index} STATUS INBOX (MESSAGES)\r\n`).join(''));
    await eventually('some to be upstream', () => session().received.length > 100);
    upstream.answer = () => false;
    session().socket.destroy();
    for (let index = 0; index < 2_000; index++) {
      expect(String(await client.response())).toMatch(new RegExp(`^n${index} (OK|NO \\[UNAVAILABLE\\]) `));
    }
  });
});

describe('switching', () => {
  test('CLOSE and SELECT in one packet: the new folder is heard', async () => {
    for (const first of ['CLOSE', 'UNSELECT', 'SELECT Nessuna']) {
      await client.ok('SELECT INBOX');
      on(/^SELECT Nessuna/, tag => session().say(`${tag} NO no such\r\n`));
      await client.send(`a ${first}\r\nb SELECT INBOX\r\nc FETCH 1 FLAGS\r\n`);
      on(/^FETCH/, tag => session().say(`* 1 FETCH (FLAGS ())\r\n${tag} OK\r\n`));
      await client.reply('a');
      expect(text((await client.reply('b')).untagged), first).toContain('* 3 EXISTS');
      expect(text((await client.reply('c')).untagged), first).toBe('* 1 FETCH (FLAGS ())\r\n');
    }
  });

  test('leaving a folder of the upstream for a view is told as any other change of mailbox', async () => {
    await client.ok('ENABLE QRESYNC').catch(() => {});
    await client.ok('SELECT Archivio');
    const between = text((await client.ok('SELECT Conservazione')).untagged);
    await client.ok('SELECT INBOX');
    const across = text((await client.ok('SELECT Archivio')).untagged);
    expect(between).toMatch(/^\* OK \[CLOSED\]/);
    expect(across).toMatch(/^\* OK \[CLOSED\]/);
    await client.ok('SELECT INBOX');
    on(/^SELECT INBOX/, tag => session().say(`* 3 EXISTS\r\n${tag} OK [READ-WRITE] in\r\n`));
    await client.ok('SELECT Archivio');
    expect(text((await client.ok('SELECT INBOX')).untagged)).toMatch(/^\* OK \[CLOSED\]/);
  });

  test("in a view the upstream is called now and then, and its answer is nobody else's", async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const other = await RawImap.login(proxy.port, USER, 'segreta');
    const own = session();
    on(/^NOOP/, tag => own.say(`* 5 EXISTS\r\n${tag} OK still here\r\n`));
    await other.ok('SELECT Archivio');
    vi.advanceTimersByTime(5 * 60_000);
    vi.useRealTimers();
    await eventually('a NOOP upstream', () => own.received.some(line => / NOOP$/.test(line)));
    expect((await other.ok('NOOP')).untagged).toEqual([]);
    other.close();
  });

  test('a view goes on when the upstream has stopped to answer, and the upstream is called anew', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const other = await RawImap.login(proxy.port, USER, 'segreta');
    const own = session();
    let silent = false;
    on(/^(?:NOOP|UNSELECT)/, tag => silent || session().say(`${tag} OK done\r\n`));
    const spy = vi.spyOn(globalThis, 'setTimeout');
    /** Its time is up. */
    const givenUp = async () =>
      (await eventually('an answer to be due', () => spy.mock.calls.findLast(([, delay]) => delay === 15_000)))[0]();
    await other.ok('SELECT Archivio');
    silent = true;
    spy.mockClear();
    vi.advanceTimersByTime(5 * 60_000);
    vi.useRealTimers();
    await givenUp();
    await other.ok('NOOP');
    await eventually('the connection upstream to be left', () => own.socket.destroyed);
    await other.ok('SELECT INBOX');
    spy.mockClear();
    await other.send('v SELECT Archivio\r\n');
    await givenUp();
    expect((await other.reply('v')).status).toBe('OK');
    spy.mockRestore();
    other.close();
  });

  test('a SELECT of a view that fails leaves nothing selected on either side', async () => {
    await client.ok('SELECT INBOX');
    expect((await client.command('SELECT "Archivio/1901"')).status).toBe('NO');
    expect(session().received.at(-1)).toMatch(/ UNSELECT$/);
    session().say('* 9 EXISTS\r\n');
    on(/^FETCH/, tag => session().say(`${tag} BAD No mailbox selected\r\n`));
    const reply = await client.command('FETCH 1 FLAGS');
    expect(reply.status).toBe('BAD');
    expect(text(reply.untagged)).toBe('');
  });

  test('what the upstream says unasked does not fall into a message of a view', async () => {
    const raw = await archiveLarge();
    await client.ok('SELECT Archivio');
    const noise =
      '* LIST () "/" Finta\r\n* STATUS INBOX (MESSAGES 4)\r\n* OK [ALERT] Manutenzione alle 18\r\n* 4 EXISTS\r\n';
    let stop = false;
    const talk = () => {
      if (stop) return;
      session().say(noise);
      setImmediate(talk);
    };
    talk();
    const replies = [];
    for (let turn = 0; turn < 3; turn++) replies.push(await client.ok('FETCH 1 BODY.PEEK[]'));
    stop = true;
    for (const reply of replies) {
      const fetched = reply.untagged.filter(response => / FETCH /.test(response.toString('latin1', 0, 20)));
      expect(fetched).toHaveLength(1);
      expect(fetched[0]?.subarray(fetched[0].indexOf('\r\n') + 2, -3).equals(raw)).toBe(true);
      expect(text(reply.untagged.filter(response => response.length < 1_000))).not.toMatch(/EXISTS/);
    }
    // An alert is for the user.
    const later = await client.ok('NOOP');
    expect(
      text([...replies.flatMap(reply => reply.untagged.filter(one => one.length < 1000)), ...later.untagged]),
    ).toContain('[ALERT]');
  });
});

describe('ends', () => {
  test('a BYE without an end of the connection does not leave the client waiting', async () => {
    await client.ok('SELECT INBOX');
    on(/^NOOP/, () => session().say('* BYE going down, host db7.interno.example\r\n'));
    const spy = vi.spyOn(globalThis, 'setTimeout');
    await client.send('a NOOP\r\n');
    const parting = await eventually('it to be given time', () => spy.mock.calls.find(([, delay]) => delay === 2_000));
    spy.mockRestore();
    // It is over at once.
    parting[0]();
    const heard = String(await client.response());
    expect(heard).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    expect(heard).not.toContain('db7');
    await client.closed();
  });

  test('in IDLE, the end of the upstream is the end of the client', async () => {
    await client.ok('SELECT INBOX');
    on(/^IDLE/, () => session().say('+ idling\r\n'));
    await client.send('i IDLE\r\n');
    await client.response();
    session().socket.destroy();
    expect(String(await client.response())).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    await client.closed();
  });

  test('LOGOUT is answered although the upstream is not', async () => {
    await client.ok('SELECT INBOX');
    on(/^FETCH/, () => {});
    await client.send('f FETCH 1 FLAGS\r\nl LOGOUT\r\n');
    const reply = await client.reply('l');
    expect(text(reply.untagged)).toMatch(/^\* BYE /m);
    await client.closed();
    await eventually('the connection upstream to be closed', () => session().socket.destroyed);
  });

  test('a client that ends its side behind its last command is answered yet', async () => {
    const other = await RawImap.login(proxy.port, USER, 'segreta');
    on(/^FETCH/, tag => setTimeout(() => session().say(`* 1 FETCH (UID 1)\r\n${tag} OK done\r\n`), 50));
    other.socket.end('s SELECT INBOX\r\nf FETCH 1 UID\r\nv SELECT Archivio\r\n');
    expect((await other.reply('s')).status).toBe('OK');
    expect(text((await other.reply('f')).untagged)).toBe('* 1 FETCH (UID 1)\r\n');
    expect((await other.reply('v')).status).toBe('OK');
    await other.closed();
    await eventually('the connection upstream to be closed', () => session().socket.destroyed);
    const last = await RawImap.login(proxy.port, USER, 'segreta');
    on(/^FETCH/, tag => setTimeout(() => session().say(`${tag} OK late\r\n`), 50));
    last.socket.end('s SELECT INBOX\r\nf FETCH 1 UID\r\n');
    expect((await last.reply('f')).line).toBe('f OK late');
    await last.closed();
  });

  test('a client that vanishes in the middle of its command takes its upstream with it', async () => {
    for (const begun of ['a FETCH 1 FL', 'a APPEND INBOX {100+}\r\nhalf', 'a IDLE\r\n', 'a SELECT {20}\r\nIN']) {
      const other = await RawImap.login(proxy.port, USER, 'segreta');
      await other.ok('SELECT INBOX');
      on(/^IDLE/, () => session().say('+ idling\r\n'));
      const own = session();
      await other.send(begun);
      await new Promise(resolve => setTimeout(resolve, 30));
      other.close();
      await eventually(`the connection upstream to be closed: ${begun}`, () => own.socket.destroyed);
      expect(own.received.filter(line => line.includes('half'))).toEqual([]);
    }
  });
});

describe('what the upstream delivers for the archive', () => {
  const header = 'UID 11 FLAGS (\\Seen) INTERNALDATE "01-Jun-2026 10:00:00 +0000"';
  const archived = async () => {
    const status = text((await client.ok('STATUS Archivio (MESSAGES)')).untagged);
    return Number(/MESSAGES (\d+)/.exec(status)?.[1]);
  };
  const commands = () => session().received.join('\n');

  test('as a quoted string is archived as it is', async () => {
    await client.ok('SELECT INBOX');
    on(/^UID FETCH/, tag => session().say(`* 1 FETCH (${header} BODY[] "Subject: breve \\"x\\"")\r\n${tag} OK\r\n`));
    on(/^UID (STORE|EXPUNGE)/, tag => session().say(`${tag} OK\r\n`));
    const reply = await client.command('UID MOVE 11 Archivio');
    if (reply.status === 'OK') {
      await client.ok('SELECT Archivio');
      expect(text((await client.ok('FETCH 1 BODY.PEEK[]')).untagged)).toContain('{18}\r\nSubject: breve "x"');
    } else {
      expect(commands()).not.toMatch(/Deleted|EXPUNGE/);
      expect(await archived()).toBe(0);
    }
  });

  test.each([
    ['NIL', `* 1 FETCH (${header} BODY[] NIL)\r\n`],
    ['no UID', '* 1 FETCH (FLAGS () INTERNALDATE "01-Jun-2026 10:00:00 +0000" BODY[] {3}\r\nabc)\r\n'],
    ['another section', `* 1 FETCH (${header} BODY[HEADER] {3}\r\nabc)\r\n`],
    ['the beginning only', `* 1 FETCH (${header} BODY[]<0> {3}\r\nabc)\r\n`],
  ])('%s is not archived, and nothing is removed', async (_name, response) => {
    await client.ok('SELECT INBOX');
    on(/^UID FETCH/, tag => session().say(`${response}${tag} OK\r\n`));
    on(/^UID (STORE|EXPUNGE)/, tag => session().say(`${tag} OK\r\n`));
    await client.command('UID MOVE 11 --ARCHIVIA--');
    expect(commands()).not.toMatch(/Deleted|EXPUNGE/);
    expect(await archived()).toBe(0);
    expect(client.ended).toBe(false);
  });

  test('breaks off in the literal: nothing is archived, nothing removed', async () => {
    await client.ok('SELECT INBOX');
    on(/^UID FETCH/, () => {
      session().say(`* 1 FETCH (${header} BODY[] {100}\r\nSubject: x\r\n\r\nhalf`);
      setTimeout(() => session().socket.destroy(), 20);
    });
    await client.send('m UID MOVE 11 Archivio\r\n');
    await client.closed();
    client = await RawImap.login(proxy.port, USER, 'segreta');
    expect(await archived()).toBe(0);
  });

  test('only what was delivered is removed, by UID', async () => {
    await client.ok('SELECT INBOX');
    on(/^UID FETCH/, tag => session().say(`* 1 FETCH (${header} BODY[] {3}\r\nabc)\r\n${tag} OK\r\n`));
    on(/^UID STORE/, tag => session().say(`${tag} OK\r\n`));
    on(/^UID EXPUNGE/, tag => session().say(`* 1 EXPUNGE\r\n${tag} OK [HIGHESTMODSEQ 7] Done\r\n`));
    const reply = await client.ok('UID MOVE 1:* Archivio');
    expect(reply.line).toMatch(/ OK \[HIGHESTMODSEQ 7\] /);
    expect(text(reply.untagged)).toMatch(/^\* OK \[COPYUID \d+ 11 \d+\][^\r]*\r\n\* 1 EXPUNGE\r\n$/);
    const sent = session()
      .received.filter(line => /STORE|EXPUNGE/.test(line))
      .map(line => line.replace(/^\S+ /, ''));
    expect(sent).toEqual(['UID STORE 11 +FLAGS.SILENT (\\Deleted)', 'UID EXPUNGE 11']);
  });

  test('an endless list of attributes ends the connection, not the memory', async () => {
    await client.ok('SELECT INBOX');
    on(/^UID FETCH/, () => {
      const { socket } = session();
      session().say('* 1 FETCH (BODY[] {3}\r\nabc');
      const piece = ` X ${'y'.repeat(60_000)} {1}\r\nz`.repeat(4);
      const flood = () => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', flood);
      flood();
    });
    await client.send('m UID COPY 11 Archivio\r\n');
    await client.closed();
  });
});

describe('commands that cannot be relayed', () => {
  test('commands with a literal that is too large are refused, and the session goes on', async () => {
    await client.ok('SELECT INBOX');
    const names = ['LIST ""', 'SELECT', 'STATUS', 'RENAME INBOX', 'UID COPY 1', 'GETQUOTAROOT', 'ENABLE', 'APPEND'];
    for (const name of names) expect((await client.command(`${name} {9000}`)).status, name).toMatch(/NO|BAD/);
    await client.ok('NOOP');
  });

  test('what stands in quotes cannot become a command', async () => {
    await client.ok('SELECT INBOX');
    for (const evil of ['"a\rb"', '"a\0b"', '"\\x"']) {
      await client.send(`q SELECT ${evil}\r\n`);
      expect((await client.reply('q')).status).not.toBe('OK');
    }
    await client.ok('SELECT Archivio');
    for (const name of ['"x\rz LOGOUT"', '"x\0y"']) {
      expect((await client.command(`UID COPY 1:* ${name}`)).status).toMatch(/OK|BAD|NO/);
    }
    for (const line of session().received) expect(line).not.toMatch(/^z LOGOUT/);
  });

  test('ID: ours is one well-formed answer before and after login, and nothing of it goes upstream', async () => {
    const fresh = await RawImap.connect(proxy.port);
    await fresh.response();
    const many = Array.from({ length: 30 }, (_, index) => `"k${index}" "${'v'.repeat(200)}"`).join(' ');
    for (const before of [true, false]) {
      if (!before) await fresh.ok(`LOGIN ${USER} segreta`);
      for (const id of ['NIL', '("name" "Outlook" "x-originating-ip" "10.9.8.7")', '("name" NIL)', '()', `(${many})`]) {
        const reply = await fresh.ok(`ID ${id}`);
        expect(text(reply.untagged)).toBe('* ID ("name" "Archivia")\r\n');
      }
    }
    expect((await fresh.command('ID ("name"')).status).toBe('BAD');
    expect(upstream.sessions.flatMap(one => one.received).join()).not.toMatch(/ ID |10\.9\.8\.7/);
    fresh.close();
  });
});
