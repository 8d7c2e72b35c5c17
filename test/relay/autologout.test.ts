/** What becomes of a client that is silent for too long, and of its upstream (RFC 3501 section 5.4). */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { CLIENT_TIMEOUTS } from '../../src/imap/autologout.ts';
import { UpstreamConnection } from '../../src/imap/relay/upstream.ts';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

/** Of one of these the client is late soon; of the others, never in this test. */
const NEVER = { login: 600_000, beforeLogin: 600_000, idle: 600_000, parting: 100 };

let upstream: ScriptedUpstream;
let hasty: Record<'login' | 'beforeLogin' | 'idle', RelayProxy>;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  const start = (soon: Partial<typeof NEVER>) => startProxy(upstream.port, {}, {}, { ...NEVER, ...soon });
  hasty = {
    login: await start({ login: 400 }),
    beforeLogin: await start({ beforeLogin: 300 }),
    idle: await start({ idle: 1_500 }),
  };
});
afterAll(async () => {
  for (const proxy of Object.values(hasty)) await proxy.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.answer = ({ say }, tag, command) => {
    if (command.startsWith('IDLE')) say('+ idling\r\n');
    else if (command.startsWith('FETCH')) say(`* 1 FETCH (BODY[] {80000000}\r\n${'x'.repeat(50_000_000)}`);
    else if (tag === 'half') return true;
    else return false;
    return true;
  };
});

const own = () => {
  const session = upstream.sessions.at(-1);
  if (session === undefined) throw new Error('the proxy has not called');
  return session;
};

/** Until the server says so and hangs up. */
async function loggedOut(client: RawImap): Promise<void> {
  let last = '';
  for (;;) {
    const response = await client.response();
    if (response === null) break;
    last = response.toString('latin1', 0, 100);
  }
  expect(last).toMatch(/^\* BYE Connessione inattiva/);
}

it('gives an IDLE that is renewed every 29 minutes (RFC 2177) the time for it, and every client half an hour', () => {
  expect(CLIENT_TIMEOUTS.idle).toBeGreaterThan(30 * 60_000);
});

it('who does not log in is logged out', async () => {
  const begun = ['', 'a LOGIN {7}\r\ncas', 'a AUTHENTICATE PLAIN\r\n', 'a NOO'];
  const clients = await Promise.all(begun.map(() => RawImap.connect(hasty.login.port)));
  await Promise.all(clients.map((client, index) => client.send(begun[index] ?? '')));
  for (const client of clients) await loggedOut(client);
});

it('who says a little now and then and does not log in is logged out, too', async () => {
  const client = await RawImap.connect(hasty.beforeLogin.port);
  const talk = setInterval(() => client.send('a NOOP\r\n').catch(() => {}), 20);
  await loggedOut(client);
  clearInterval(talk);
});

it('who waits for the upstream is not late, nor who has logged in', async () => {
  const silent = () => RawImap.connect(hasty.login.port);
  const clock = await silent();
  const answers: (() => void)[] = [];
  upstream.answer = ({ say }, tag, command) => {
    if (!command.startsWith('LIST')) return false;
    answers.push(() => say(`${tag} OK done\r\n`));
    return true;
  };
  const client = await RawImap.connect(hasty.login.port);
  await client.response();
  await client.send(`l LOGIN ${USER} segreta\r\n`);
  await eventually('the upstream to be asked', () => answers.length > 0);
  await loggedOut(clock);
  // Another came after this one, and its time is up.
  await loggedOut(await silent());
  for (const answer of answers) answer();
  expect((await client.reply('l')).status).toBe('OK');
  upstream.answer = () => false;
  await client.ok('SELECT INBOX');
  await client.send('i IDLE\r\n');
  await loggedOut(await silent());
  await client.send('DONE\r\nn NOOP\r\n');
  expect((await client.reply('n')).status).toBe('OK');
  client.close();
});

it('who is silent is logged out, and the upstream is taken leave of; in the middle of something, it is left', async () => {
  const ends = [
    { commands: [], begun: '', leave: true },
    { commands: ['SELECT INBOX'], begun: '', leave: true },
    { commands: ['SELECT Archivio'], begun: '', leave: true },
    { commands: ['SELECT INBOX'], begun: 'i IDLE\r\n', leave: false },
    { commands: ['SELECT INBOX'], begun: 'a FETCH 1 ', leave: true },
    { commands: ['SELECT INBOX'], begun: 'a APPEND INBOX {20+}\r\nhalf of it', leave: false },
    { commands: ['SELECT INBOX'], begun: 'a APPEND Archivio {20+}\r\nhalf of it', leave: true },
    { commands: ['SELECT INBOX'], begun: 'a SELECT {20}\r\n', leave: true },
  ];
  // What nobody reads would keep the connection open.
  const deaf = await RawImap.login(hasty.idle.port, USER, 'segreta');
  const { socket: unread } = own();
  await deaf.ok('SELECT INBOX');
  deaf.socket.pause();
  await deaf.send('f FETCH 1 BODY[]\r\n');
  // And what the upstream does not take would keep both.
  const stuck = await RawImap.login(hasty.idle.port, USER, 'segreta');
  own().socket.pause();
  const passing = vi.spyOn(UpstreamConnection.prototype, 'pass');
  stuck.socket.write('a APPEND INBOX {60000000+}\r\n');
  stuck.socket.write(Buffer.alloc(60_000_000, 'half of it'));
  const full = await eventually('the upload to begin', () => {
    const first: unknown = passing.mock.contexts[0];
    return first instanceof UpstreamConnection && first;
  });
  passing.mockRestore();
  const silent = [];
  for (const end of ends) {
    const client = await RawImap.login(hasty.idle.port, USER, 'segreta');
    const { socket, received } = own();
    for (const command of end.commands) await client.ok(command);
    await client.send(end.begun);
    silent.push({ ...end, client, socket, received });
  }
  await loggedOut(stuck);
  await eventually('the upload to be given up', () => !full.usable);
  for (const { client, socket, received, leave } of silent) {
    await loggedOut(client);
    await eventually('the connection upstream to be closed', () => socket.destroyed);
    expect(/ LOGOUT$/.test(received.at(-1) ?? '')).toBe(leave);
    expect(received.join('\n')).not.toContain('half');
  }
  await eventually('the connection for who does not read to be closed', () => unread.destroyed);
  deaf.close();
  expect((await hasty.idle.store.status([{ tree: 'archive' }]))[0]).toMatchObject({ messages: 0 });
});
