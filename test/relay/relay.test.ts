import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { startProxy, USER } from './proxy.ts';
import { type Scene, startScene } from './scene.ts';
import { startScriptedUpstream } from './scripted-upstream.ts';

let scene: Scene;
let { upstream, client, session, on } = {} as Scene;

beforeEach(async () => {
  scene = await startScene();
  ({ upstream, client, session, on } = scene);
});
afterEach(() => scene.stop());

describe('relay', () => {
  test('a list that the upstream understands and we do not is its own, and the session goes on', async () => {
    on(/^LSUB/, tag => session().say(`* LSUB () "/" x\r\n${tag} OK listed\r\n`));
    const reply = await client.ok('LSUB * 1');
    expect(reply.untagged.map(String)).toEqual(['* LSUB () "/" x\r\n']);
    await client.ok('NOOP');
  });

  test('an upstream that goes away in IDLE with nothing selected: UNAVAILABLE, and the session goes on', async () => {
    let select = '';
    on(/^SELECT Nessuna/, tag => {
      select = tag;
    });
    on(/^IDLE/, () => {
      session().say(`${select} NO no such folder\r\n`);
      session().socket.end();
    });
    await client.ok('SELECT Archivio');
    await client.send('a SELECT Nessuna\r\nb IDLE\r\n');
    expect((await client.reply('a')).line).toBe('a NO no such folder');
    expect((await client.reply('b')).line).toMatch(/^b NO \[UNAVAILABLE\] /);
    await client.ok('SELECT INBOX');
    expect(upstream.sessions).toHaveLength(2);
  });

  test('capabilities are those that both sides have, wherever they are told', async () => {
    const told = await client.ok('CAPABILITY');
    const list = String(told.untagged[0]).trim().split(' ').slice(2);
    expect(list).toContain('UIDPLUS');
    expect(list).not.toContain('X-OWN');
    expect(list).not.toContain('SPECIAL-USE');
    await client.ok('SELECT INBOX');
    on(/^NOOP/, tag =>
      session().say(`* CAPABILITY IMAP4rev1 X-OWN\r\n${tag} OK [CAPABILITY IMAP4rev1 X-OWN] done\r\n`),
    );
    const noop = await client.command('NOOP');
    expect(String(noop.untagged[0])).toBe(`* CAPABILITY ${list.join(' ')}\r\n`);
    expect(noop.line).toContain(`[CAPABILITY ${list.join(' ')}] done`);
  });

  test('hostile responses arrive octet by octet as they were sent, however they are cut', async () => {
    await client.ok('SELECT INBOX');
    const body =
      '* 1 FETCH (BODY[] {31}\r\nt9 OK FETCH completed\r\n* BYE\r\n\0 FLAGS ())\r\n' +
      '* 2 FETCH (BINARY[1] ~{3}\r\n\0\xff\n UID 4)\r\n* OK [ALERT] \xe8\r\n* 7 EXISTS\r\n';
    for (const size of [1, 2, 7, 1000]) {
      on(/^FETCH/, tag => {
        const octets = Buffer.from(`${body}${tag} OK done\r\n`, 'latin1');
        let at = 0;
        const timer = setInterval(() => {
          if (at < octets.length) session().socket.write(octets.subarray(at, at + size));
          else clearInterval(timer);
          at += size;
        }, 1);
      });
      const reply = await client.ok('FETCH 1:2 (BODY[])');
      expect(Buffer.concat(reply.untagged).toString('latin1')).toBe(body);
    }
  });

  test('pipelined commands keep their order across one that the proxy answers itself', async () => {
    await client.ok('SELECT INBOX');
    on(/^FETCH 1/, tag => setTimeout(() => session().say(`* 1 FETCH (FLAGS ())\r\n${tag} OK slow\r\n`), 50));
    await client.send('a FETCH 1 FLAGS\r\nb CAPABILITY\r\nc NOOP\r\nd STATUS Archivio (MESSAGES)\r\ne NOOP\r\n');
    const tags: string[] = [];
    while (tags.length < 5) {
      const line = String(await client.response());
      if (!line.startsWith('*')) tags.push(line.slice(0, 1));
      else if (line.startsWith('* CAPABILITY')) expect(tags).toEqual(['a']);
      else if (line.startsWith('* STATUS "Archivio"')) expect(tags).toEqual(['a', 'b', 'c']);
    }
    expect(tags).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('commands for the upstream are pipelined upstream, and equal tags are all answered', async () => {
    await client.ok('SELECT INBOX');
    const waiting: string[] = [];
    on(/^FETCH/, tag => {
      waiting.push(tag);
      if (waiting.length === 3) for (const one of waiting) session().say(`${one} OK done\r\n`);
    });
    await client.send('x FETCH 1 FLAGS\r\nx FETCH 2 FLAGS\r\nx FETCH 3 FLAGS\r\n');
    for (let turn = 0; turn < 3; turn++) expect(String(await client.response())).toBe('x OK done\r\n');
  });

  test('a synchronising literal waits for the upstream, and its refusal comes instead of the invitation', async () => {
    await client.ok('SELECT INBOX');
    on(/^APPEND Cestino/, tag => session().say(`${tag} NO [TRYCREATE] no such folder\r\n`));
    await client.send('a APPEND Cestino {10}\r\n');
    expect(String(await client.response())).toBe('a NO [TRYCREATE] no such folder\r\n');
    on(/^APPEND Bozze/, tag => {
      session().say('+ go\r\n');
      on(/^x$/, () => session().say(`${tag} OK [APPENDUID 1 9] stored\r\n`));
    });
    await client.send('b APPEND Bozze {6}\r\n');
    expect(String(await client.response())).toBe('+ go\r\n');
    await client.send('Bcc: x\r\nc NOOP\r\n');
    expect(String(await client.response())).toMatch(/^b OK \[APPENDUID/);
    expect((await client.reply('c')).status).toBe('OK');
  });

  test('IDLE: DONE in the same packet, commands behind it, and an end that the upstream makes', async () => {
    await client.ok('SELECT INBOX');
    let idle = '';
    on(/^IDLE/, tag => {
      idle = tag;
      session().say('+ idling\r\n* 5 EXISTS\r\n');
    });
    on(/^$/, () => {
      if (session().received.at(-1) === 'DONE') session().say(`${idle} OK idle over\r\n`);
    });
    await client.send('i IDLE\r\nDONE\r\nn NOOP\r\n');
    const reply = await client.reply('i');
    expect(reply.untagged.map(String)).toEqual(['+ idling\r\n', '* 5 EXISTS\r\n']);
    expect((await client.reply('n')).status).toBe('OK');
    await client.send('j IDLE\r\n');
    expect(String(await client.response())).toBe('+ idling\r\n');
    await client.response();
    session().say(`${idle} OK enough\r\n`);
    expect(String(await client.response())).toBe('j OK enough\r\n');
    expect((await client.command('NOOP')).status).toBe('OK');
  });

  test('while a view is selected nothing of the upstream folder is heard', async () => {
    await client.ok('SELECT INBOX');
    const select = await client.ok('SELECT Archivio');
    expect(session().received.at(-1)).toMatch(/ UNSELECT$/);
    expect(select.untagged.map(String).join('')).toContain('* 0 EXISTS');
    session().say('* 9 EXISTS\r\n* 1 EXPUNGE\r\n* 2 FETCH (FLAGS (\\Seen))\r\n');
    const noop = await client.ok('NOOP');
    expect(noop.untagged.map(String)).toEqual([]);
    expect((await client.ok('SELECT INBOX')).untagged.map(String).join('')).toContain('* 3 EXISTS');
  });

  test('the upstream goes away: BYE in its folder; in a view the user goes on, and it is called again', async () => {
    await client.ok('SELECT Archivio');
    session().socket.destroy();
    expect((await client.ok('NOOP')).status).toBe('OK');
    await client.ok('SELECT INBOX');
    expect(upstream.sessions).toHaveLength(2);
    session().socket.destroy();
    expect(String(await client.response())).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    await client.closed();
  });

  test('an upstream that stays away: folders answer UNAVAILABLE, views go on', async () => {
    await client.ok('SELECT Archivio');
    await upstream.close();
    const folder = await client.command('SELECT INBOX');
    expect(folder.line).toMatch(/ NO \[UNAVAILABLE\]/);
    await client.ok('SELECT Conservazione');
    await client.ok('LOGOUT');
    upstream = await startScriptedUpstream();
  });

  test('a response that breaks off in a literal closes the connection without another word', async () => {
    await client.ok('SELECT INBOX');
    on(/^FETCH/, () => {
      session().say('* 1 FETCH (BODY[] {100}\r\nonly this');
      setTimeout(() => session().socket.end(), 20);
    });
    let heard = '';
    client.socket.on('data', chunk => {
      heard += chunk.toString('latin1');
    });
    await client.send('f FETCH 1 BODY[]\r\n');
    await client.closed();
    expect(heard).toBe('* 1 FETCH (BODY[] {100}\r\nonly this');
  });

  test.each([
    ['* 1 FETCH (FLAGS (\\Seen', '* 1 FETCH (FLAGS (\\Seen'],
    ['* VANISHED 12', '* VANISHED 12'],
    ['* 1 FETCH (BODY[] {3}\r\nabc UID', '* 1 FETCH (BODY[] {3}\r\nabc UID'],
    ['f OK done\r', /^f OK done\r\n\* BYE \[UNAVAILABLE\] .*\r\n$/],
    ['* BYE db7.interno.example', /^\* BYE \[UNAVAILABLE\] (?!.*interno).*\r\n$/],
  ])('a last response without its line break, and the end: %j', async (last, expected) => {
    await client.ok('SELECT INBOX');
    on(/^FETCH/, () => session().socket.end(Buffer.from(last, 'latin1')));
    let heard = '';
    client.socket.on('data', chunk => {
      heard += chunk.toString('latin1');
    });
    await client.send('f FETCH 1 (FLAGS BODY[])\r\n');
    await client.closed();
    if (typeof expected === 'string') expect(heard).toBe(expected);
    else expect(heard).toMatch(expected);
  });

  test('the same with nothing selected: only what is whole is told, and the session goes on', async () => {
    on(/^LSUB/, () => session().socket.end('* LSUB () "/" "Arch'));
    const reply = await client.command('LSUB "" *');
    expect(reply.raw.toString()).toMatch(/^t\d+ NO \[UNAVAILABLE\] /);
    on(/^LSUB/, tag => session().socket.end(`* LSUB () "/" "Bozze"\r\n${tag} OK done`));
    const whole = await client.ok('LSUB "" *');
    expect(String(whole.untagged[0])).toBe('* LSUB () "/" "Bozze"\r\n');
    await client.ok('NOOP');
  });

  test('a client that stops reading holds the upstream up instead of our memory', async () => {
    await client.ok('SELECT INBOX');
    const size = 64 * 1024 * 1024;
    let written = 0;
    on(/^FETCH/, async tag => {
      const { socket } = session();
      socket.write(`* 1 FETCH (BODY[] {${size}}\r\n`);
      const piece = Buffer.alloc(256 * 1024, 'x');
      while (written < size) {
        written += piece.length;
        if (!socket.write(piece)) await new Promise(resolve => socket.once('drain', resolve));
      }
      socket.write(`)\r\n${tag} OK done\r\n`);
    });
    client.socket.pause();
    await client.send('f FETCH 1 BODY[]\r\n');
    let before = -1;
    await eventually('the upstream to be held up', async () => {
      const still = written === before && written > 0;
      before = written;
      await new Promise(resolve => setTimeout(resolve, 200));
      return still;
    });
    // What the kernel's socket buffers of two connections hold, and a few chunks of ours.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    client.socket.resume();
    expect((await client.reply('f', 60_000)).status).toBe('OK');
    expect(written).toBe(size);
  });
});

describe('relay in front of a limited upstream', () => {
  test('LITERAL+ of the client becomes a synchronising literal upstream', async () => {
    const limited = await startScriptedUpstream({ capabilities: 'IMAP4rev1' });
    const front = await startProxy(limited.port);
    const other = await RawImap.login(front.port, USER, 'segreta');
    limited.answer = (from, tag, command) => {
      if (command.startsWith('APPEND')) {
        expect(command).toBe('APPEND Bozze {5}');
        setTimeout(() => {
          expect(from.received.at(-1)).toBe(`${tag} ${command}`);
          from.say('+ go\r\n');
        }, 30);
        limited.answer = () => {
          from.say(`${tag} OK stored\r\n`);
          return true;
        };
        return true;
      }
      return false;
    };
    await other.send('a APPEND Bozze {5+}\r\nhello\r\n');
    expect(String(await other.response())).toBe('a OK stored\r\n');
    expect((await other.ok('CAPABILITY')).untagged.map(String).join('')).not.toContain('MOVE');
    other.close();
    await front.close();
    await limited.close();
  });

  test("a user's own folder called Archivio is not hidden: the tree takes another name and keeps it", async () => {
    const own = await startScriptedUpstream({ folders: ['INBOX', 'Archivio'], delimiter: '.' });
    const front = await startProxy(own.port);
    const other = await RawImap.login(front.port, USER, 'segreta');
    const list = (await other.ok('LIST "" "%"')).untagged.map(String).join('');
    expect(list).toContain('"Archivio"');
    expect(list).toContain('"Archivio (Archivia)"');
    expect(list).toContain('"--ARCHIVIA--"');
    expect((await other.command('STATUS "Archivio (Archivia)" (MESSAGES)')).status).toBe('OK');
    expect(own.sessions.at(-1)?.received.join()).not.toContain('(Archivia)');
    await other.ok('STATUS Archivio (MESSAGES)');
    expect(own.sessions.at(-1)?.received.at(-1)).toContain('STATUS Archivio');
    other.close();
    await front.close();
    await own.close();
  });

  test.each([
    [['INBOX'], '* LIST (\\HasChildren \\Archive) "/" "Archivio"\r\n'],
    [['INBOX', 'Archive'], '* LIST (\\HasChildren) "/" "Archivio"\r\n'],
  ])('an archive folder of %j: ours is \\Archive where the upstream has none', async (folders, expected) => {
    const own = await startScriptedUpstream({ folders });
    const front = await startProxy(own.port);
    const other = await RawImap.login(front.port, USER, 'segreta');
    // Asked for by itself, before anything else has been listed.
    own.answer = ({ say }, tag, command) => {
      if (command.startsWith('LIST')) say(`${tag} OK none\r\n`);
      return command.startsWith('LIST');
    };
    expect((await other.ok('LIST "" Archivio')).untagged.map(String)).toEqual([expected]);
    other.close();
    await front.close();
    await own.close();
  });

  test('what cannot be read of the list of folders keeps nobody out, and an archive that has come since is noticed', async () => {
    const own = await startScriptedUpstream();
    own.answer = ({ say }, tag, command) => {
      if (!command.startsWith('LIST')) return false;
      say(`* LIST (\\HasNoChildren) / INBOX\r\n* LIST NIL\r\n* LIST () "/" Archivio\r\n${tag} OK done\r\n`);
      return true;
    };
    const front = await startProxy(own.port);
    const other = await RawImap.login(front.port, USER, 'segreta');
    await other.ok('STATUS "Archivio (Archivia)" (MESSAGES)');
    own.answer = ({ say }, tag, command) => {
      if (!command.startsWith('LIST')) return false;
      say(`* LIST (\\Archive) "/" Vecchi\r\n* LIST NIL\r\n${tag} OK done\r\n`);
      return true;
    };
    const listed = (await other.ok('XLIST "" %')).untagged.map(String);
    expect(listed.filter(line => line.includes('\\Archive'))).toEqual(['* XLIST (\\Archive) "/" "Vecchi"\r\n']);
    expect(listed.join('')).toContain('"Archivio (Archivia)"');
    other.close();
    await front.close();
    await own.close();
  });
});
