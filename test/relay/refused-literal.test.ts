import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RawImap } from '../support/raw-imap.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let proxy: RelayProxy;
let client: RawImap;

afterEach(async () => {
  client.close();
  await proxy.close();
  await upstream.close();
});

/** An upstream that refuses an APPEND at its first line, as Dovecot does; what it was sent after that. */
async function start(capabilities: string): Promise<() => readonly string[]> {
  upstream = await startScriptedUpstream({ capabilities });
  let refused: string | null = null;
  upstream.answer = (session, tag, command) => {
    if (!command.startsWith('APPEND')) {
      // The rest of the refused command: read past in silence up to its end, as it was announced.
      return refused !== null && !command.startsWith('NOOP');
    }
    refused = tag;
    session.say(`${tag} NO [TRYCREATE] no such mailbox\r\n`);
    return true;
  };
  proxy = await startProxy(upstream.port);
  client = await RawImap.login(proxy.port, USER, 'x');
  return () => {
    const received = upstream.sessions[0]?.received ?? [];
    return received.slice(received.findIndex(line => line.includes('APPEND')));
  };
}

async function received(lines: () => readonly string[], last: string): Promise<string[]> {
  await eventually(`${last} to come upstream`, () => lines().some(line => line.endsWith(last)));
  return lines().map(line => line.replace(/^\S+ (?=NOOP$)/, ''));
}

const WITH = 'IMAP4rev1 SASL-IR LITERAL+ NAMESPACE';
const WITHOUT = 'IMAP4rev1 SASL-IR NAMESPACE';

it('sends what it has announced although the upstream has refused it already', async () => {
  const lines = await start(WITH);
  await client.send('a APPEND Manca {4+}\r\n');
  expect((await client.reply('a')).line).toBe('a NO [TRYCREATE] no such mailbox');
  await client.send('ab\r\n\r\nb NOOP\r\n');
  expect((await client.reply('b')).status).toBe('OK');
  expect(await received(lines, 'NOOP')).toEqual(['a APPEND Manca {4+}', 'ab', '', 'NOOP']);
});

it('does so with the messages after the first, too', async () => {
  const lines = await start(WITH);
  await client.send('a APPEND Manca {2+}\r\n');
  await client.reply('a');
  await client.send('ab (\\Seen) {2+}\r\ncd\r\nb NOOP\r\n');
  expect((await client.reply('b')).status).toBe('OK');
  expect(await received(lines, 'NOOP')).toEqual(['a APPEND Manca {2+}', 'ab (\\Seen) {2+}', 'cd', 'NOOP']);
});

it('ends the line upstream where the client waits for an invitation that does not come', async () => {
  const lines = await start(WITH);
  await client.send('a APPEND Manca {2+}\r\n');
  await client.reply('a');
  await client.send('ab (\\Seen) {2}\r\n');
  await client.send('b NOOP\r\n');
  expect((await client.reply('b')).status).toBe('OK');
  expect(await received(lines, 'NOOP')).toEqual(['a APPEND Manca {2+}', 'ab (\\Seen) ', 'NOOP']);
});

it('sends nothing after a literal that the upstream would have had to ask for', async () => {
  const lines = await start(WITHOUT);
  await client.send('a APPEND Manca {4+}\r\nab\r\n (\\Seen) {2+}\r\ncd\r\nb NOOP\r\n');
  expect((await client.reply('a')).line).toBe('a NO [TRYCREATE] no such mailbox');
  expect((await client.reply('b')).status).toBe('OK');
  expect(await received(lines, 'NOOP')).toEqual(['a APPEND Manca {4}', 'NOOP']);
});

it('asks for no literal where none may stand: Dovecot neither takes it nor says so', async () => {
  upstream = await startScriptedUpstream({ capabilities: WITH });
  let silent = false;
  upstream.answer = (_session, _tag, command) => {
    silent ||= command.startsWith('APPEND');
    return silent && !command.startsWith('NOOP');
  };
  proxy = await startProxy(upstream.port);
  client = await RawImap.login(proxy.port, USER, 'x');
  await client.send('a APPEND Bozze {2+}\r\nab SELECT {5}\r\nb NOOP\r\n');
  expect((await client.reply('b')).status).toBe('OK');
  const lines = () => upstream.sessions[0]?.received ?? [];
  expect(await received(lines, 'NOOP')).toEqual(expect.arrayContaining(['ab SELECT ', 'NOOP']));
});

it('nor in the first line', async () => {
  upstream = await startScriptedUpstream({ capabilities: WITH });
  proxy = await startProxy(upstream.port);
  client = await RawImap.login(proxy.port, USER, 'x');
  for (const options of ['INBOX {5}', '(\\Seen) ALL {5}', '"x" (MIN COUNT) {5}', '(\\Seen {5}', 'UTF8 (~{5}']) {
    expect((await client.command(`APPEND Bozze ${options}`)).status, options).toBe('BAD');
  }
  await client.ok('NOOP');
  expect(upstream.sessions[0]?.received.filter(line => line.includes('APPEND'))).toEqual([]);
});

it('nor behind the last argument: what we took for a literal would be the next command there', async () => {
  upstream = await startScriptedUpstream({ capabilities: WITH });
  proxy = await startProxy(upstream.port);
  client = await RawImap.login(proxy.port, USER, 'x');
  await client.ok('SELECT INBOX');
  const before = upstream.sessions[0]?.received.length;
  const commands = [
    'NOOP',
    'COPY 1 1',
    'UID MOVE 1 "a b"',
    'DELETE Bozze',
    'SELECT "B"',
    'STORE 1 FLAGS',
    'RENAME a b',
  ];
  for (const command of commands) {
    await client.send(`a ${command} {6+}\r\nx IDLE\r\n`);
    expect((await client.reply('a')).status, command).toBe('BAD');
  }
  await client.send('a RENAME {1+}\r\na b {6+}\r\nx IDLE\r\n');
  expect((await client.reply('a')).status).toBe('BAD');
  expect(upstream.sessions[0]?.received).toHaveLength(before ?? 0);
  await client.send('a RENAME {1+}\r\nm {1+}\r\nn\r\n');
  await client.reply('a');
  await client.send('b STATUS {5+}\r\nINBOX (MESSAGES)\r\n');
  expect((await client.reply('b')).status).toBe('OK');
  expect(upstream.sessions[0]?.received.slice(before)).toEqual([
    'a RENAME {1+}',
    'm {1+}',
    'n',
    'b STATUS {5+}',
    'INBOX (MESSAGES)',
  ]);
});

it('a name of ours is ours behind more spaces than one, which upstreams read over', async () => {
  upstream = await startScriptedUpstream({ capabilities: WITH });
  proxy = await startProxy(upstream.port);
  client = await RawImap.login(proxy.port, USER, 'x');
  for (const command of ['CREATE  Archivio', 'RENAME Bozze  Archivio', 'SELECT   Archivio']) {
    expect((await client.command(command)).status, command).toBe('BAD');
  }
  await client.ok('NOOP');
  expect(upstream.sessions[0]?.received.filter(line => line.includes('Archivio'))).toEqual([]);
});
