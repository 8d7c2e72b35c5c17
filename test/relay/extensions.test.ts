import { afterEach, expect, test } from 'vitest';
import { RawImap } from '../support/raw-imap.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

let upstream: ScriptedUpstream;
let proxy: RelayProxy;
let client: RawImap;

async function start(capabilities: string): Promise<string[]> {
  upstream = await startScriptedUpstream({
    capabilities: `IMAP4rev1 SASL-IR LITERAL+ UIDPLUS UNSELECT NAMESPACE ENABLE ${capabilities}`,
  });
  proxy = await startProxy(upstream.port);
  client = await RawImap.login(proxy.port, USER, 'segreta');
  return String((await client.ok('CAPABILITY')).untagged[0])
    .trim()
    .split(' ')
    .slice(2);
}
afterEach(async () => {
  client.close();
  await proxy.close();
  await upstream.close();
});

const message = (subject: string) =>
  `From: a@x.example\r\nSubject: ${subject}\r\nDate: Mon, 1 Jun 2026 10:00:00 +0200\r\n\r\nx`;
const DATE = '"01-Jun-2026 10:00:00 +0200"';

test('what both sides have works on both sides, each by itself', async () => {
  const extensions = 'SORT THREAD=REFERENCES CONTEXT=SEARCH MULTIAPPEND CATENATE BINARY OBJECTID';
  const told = await start(extensions);
  expect(told).toEqual(expect.arrayContaining(extensions.split(' ')));
  upstream.answer = ({ say }, tag, command) => {
    if (!/^(SORT|THREAD|CANCELUPDATE|UID SORT)/i.test(command)) return false;
    say(`* ${/SORT/i.test(command) ? 'SORT 9' : 'THREAD (9)'}\r\n${tag} OK upstream\r\n`);
    return true;
  };
  await client.ok('SELECT INBOX');
  expect(String((await client.ok('UID SORT (DATE) UTF-8 ALL')).untagged[0])).toBe('* SORT 9\r\n');
  expect(String((await client.ok('THREAD REFERENCES UTF-8 ALL')).untagged[0])).toBe('* THREAD (9)\r\n');
  expect((await client.ok('CANCELUPDATE "x"')).line).toContain('upstream');
  const [one, two] = [message('b'), message('a')];
  await client.send(`m APPEND Archivio ${DATE} {${one.length}+}\r\n${one} ${DATE} {${two.length}+}\r\n${two}\r\n`);
  expect((await client.reply('m')).line).toMatch(/^m OK \[APPENDUID \d+ 1:2\]/);
  await client.ok('SELECT Archivio');
  expect(String((await client.ok('UID SORT (SUBJECT) UTF-8 ALL')).untagged[0])).toBe('* SORT 2 1\r\n');
  expect(String((await client.ok('THREAD REFERENCES UTF-8 ALL')).untagged[0])).toBe('* THREAD (1)(2)\r\n');
  expect((await client.command('CANCELUPDATE "x"')).status).toBe('BAD');
  await client.send('c APPEND Archivio CATENATE (URL "/INBOX/;UID=1")\r\n');
  expect((await client.reply('c')).line).toContain('NO [BADURL "/INBOX/;UID=1"]');
  await client.send(`c APPEND Archivio ${DATE} CATENATE (URL "/Archivio/;UID=1" TEXT {1+}\r\ny)\r\n`);
  expect((await client.reply('c')).line).toMatch(/^c OK \[APPENDUID \d+ 3\]/);
});

test('what the upstream lacks is not offered, and no command of it works in a view alone', async () => {
  const told = await start('');
  for (const name of ['SORT', 'THREAD=REFERENCES', 'CONTEXT=SEARCH', 'IMAP4rev2', 'BINARY', 'OBJECTID', 'CATENATE']) {
    expect(told).not.toContain(name);
  }
  await client.append('Archivio', Buffer.from(message('a')), DATE);
  await client.ok('SELECT Archivio');
  expect((await client.command('SORT (DATE) UTF-8 ALL')).status).toBe('BAD');
  expect((await client.command('UID THREAD REFERENCES UTF-8 ALL')).status).toBe('BAD');
  expect((await client.command('CANCELUPDATE "x"')).status).toBe('BAD');
  // Nor does one that only the upstream knows, whatever is selected.
  const foreign = ['XAPPLEPUSHSERVICE aps-version 2', 'UNAUTHENTICATE', 'GETMETADATA "" /private/comment'];
  for (const folder of ['Archivio', 'INBOX', 'Archivio']) {
    await client.ok(`SELECT ${folder}`);
    for (const command of foreign) expect((await client.command(command)).status, command).toBe('BAD');
  }
  expect(upstream.sessions[0]?.received.join()).not.toMatch(/APPLE|UNAUTH|METADATA/);
  expect((await client.ok('ENABLE IMAP4rev2')).untagged.map(String)).toEqual(['* ENABLED\r\n']);
  expect((await client.ok('SEARCH ALL')).untagged.map(String)).toEqual(['* SEARCH 1\r\n']);
});
