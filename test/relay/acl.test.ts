import { afterEach, describe, expect, test } from 'vitest';
import { RawImap } from '../support/raw-imap.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

const BASE = 'IMAP4rev1 SASL-IR LITERAL+ UIDPLUS MOVE UNSELECT NAMESPACE';

let upstream: ScriptedUpstream;
let proxy: RelayProxy;
let client: RawImap;

async function start(capabilities: string): Promise<void> {
  upstream = await startScriptedUpstream({ capabilities: `${BASE} ${capabilities}` });
  proxy = await startProxy(upstream.port, { limits: { messageBytes: 1_000_000 } });
  client = await RawImap.login(proxy.port, USER, 'segreta');
}
afterEach(async () => {
  client.close();
  await proxy.close();
  await upstream.close();
});

const data = async (command: string) => Buffer.concat((await client.ok(command)).untagged).toString('latin1');

describe('ACL', () => {
  test('of folders is passed on, of views is ours', async () => {
    await start('ACL RIGHTS=texk');
    upstream.answer = (session, tag, command) => {
      if (!command.startsWith('MYRIGHTS') && !command.startsWith('GETACL')) return false;
      session.say(`* ${command.replace(/^GET/, '')} lrswipkxtea\r\n${tag} OK done\r\n`);
      return true;
    };
    expect(await data('CAPABILITY')).toMatch(/ ACL RIGHTS=texk\b/);
    expect(await data('MYRIGHTS INBOX')).toBe('* MYRIGHTS INBOX lrswipkxtea\r\n');
    expect(await data('MYRIGHTS Conservazione')).toBe('* MYRIGHTS "Conservazione" lrsw\r\n');
    expect((await client.command('SETACL Archivio altri lr')).line).toMatch(/ NO \[NOPERM\]/);
    await client.ok('SELECT Archivio');
    expect(await data('GETACL INBOX')).toBe('* ACL INBOX lrswipkxtea\r\n');
    expect(upstream.sessions.at(-1)?.received.join()).not.toMatch(/Archivio|Conservazione/);
  });

  test('that the upstream lacks is unknown everywhere', async () => {
    await start('');
    expect(await data('CAPABILITY')).not.toMatch(/ACL|RIGHTS/);
    for (const name of ['INBOX', 'Archivio']) {
      expect((await client.command(`MYRIGHTS ${name}`)).status).toBe('BAD');
    }
    expect(upstream.sessions.at(-1)?.received.join()).not.toContain('MYRIGHTS');
  });
});

describe('APPENDLIMIT', () => {
  test.each([
    ['APPENDLIMIT=35000000', 'APPENDLIMIT=1000000'],
    ['APPENDLIMIT=5000', 'APPENDLIMIT=5000'],
    ['APPENDLIMIT', 'APPENDLIMIT'],
  ])('an upstream that says %s: %s', async (theirs, told) => {
    await start(theirs);
    expect((await data('CAPABILITY')).trim().split(' ')).toContain(told);
    expect(await data('STATUS Archivio (APPENDLIMIT)')).toBe('* STATUS "Archivio" (APPENDLIMIT 1000000)\r\n');
  });

  test('is not told where the upstream has none', async () => {
    await start('');
    expect(await data('CAPABILITY')).not.toContain('APPENDLIMIT');
  });
});
