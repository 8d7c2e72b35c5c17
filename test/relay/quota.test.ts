import { afterEach, describe, expect, test } from 'vitest';
import { RawImap } from '../support/raw-imap.ts';
import { type RelayProxy, startProxy, USER } from './proxy.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

const PLANS = { plans: { prova: { archiveBytes: 4 * 1024, conservationBytes: 3 * 1024 } } };
const BASE = 'IMAP4rev1 SASL-IR LITERAL+ UIDPLUS MOVE UNSELECT NAMESPACE';

let upstream: ScriptedUpstream;
let proxy: RelayProxy;
let client: RawImap;

async function start(capabilities: string): Promise<void> {
  upstream = await startScriptedUpstream({ capabilities });
  proxy = await startProxy(upstream.port, PLANS);
  client = await RawImap.login(proxy.port, USER, 'segreta');
}
afterEach(async () => {
  client.close();
  await proxy.close();
  await upstream.close();
});

const data = async (command: string) => Buffer.concat((await client.ok(command)).untagged).toString('latin1');

describe('QUOTA in front of an upstream that has it', () => {
  test("INBOX has the upstream's roots and ours behind them; other folders only its own", async () => {
    await start(`${BASE} QUOTA`);
    upstream.answer = (session, tag, command) => {
      const name = /^GETQUOTAROOT (.*)$/.exec(command)?.[1];
      if (name !== undefined) {
        session.say(`* QUOTAROOT ${name} "User quota"\r\n* QUOTA "User quota" (STORAGE 10 512)\r\n${tag} OK done\r\n`);
        return true;
      }
      if (!command.startsWith('GETQUOTA "User quota"')) return false;
      session.say(`* QUOTA "User quota" (STORAGE 10 512)\r\n${tag} OK done\r\n`);
      return true;
    };
    const inbox =
      '* QUOTAROOT INBOX "User quota" "Archivio" "Conservazione"\r\n' +
      '* QUOTA "User quota" (STORAGE 10 512)\r\n' +
      '* QUOTA "Archivio" (STORAGE 0 4)\r\n* QUOTA "Conservazione" (STORAGE 0 3)\r\n';
    expect(await data('GETQUOTAROOT INBOX')).toBe(inbox);
    expect(await data('GETQUOTAROOT Bozze')).toBe(
      '* QUOTAROOT Bozze "User quota"\r\n* QUOTA "User quota" (STORAGE 10 512)\r\n',
    );
    expect(await data('GETQUOTA "User quota"')).toBe('* QUOTA "User quota" (STORAGE 10 512)\r\n');
    expect(await data('GETQUOTA Archivio')).toBe('* QUOTA "Archivio" (STORAGE 0 4)\r\n');
    expect(await data('GETQUOTAROOT --ARCHIVIA--')).toContain('* QUOTAROOT "--ARCHIVIA--" "Archivio" "Conservazione"');
    // From within a view, too, and in the order of the commands.
    await client.ok('SELECT Archivio');
    await client.send('a GETQUOTAROOT INBOX\r\nb GETQUOTAROOT Archivio\r\nc NOOP\r\n');
    expect(Buffer.concat((await client.reply('a')).untagged).toString()).toBe(inbox);
    expect((await client.reply('b')).untagged).toHaveLength(2);
    expect((await client.reply('c')).untagged).toHaveLength(0);
    const told = upstream.sessions.at(-1)?.received.join('\n') ?? '';
    expect(told).not.toMatch(/QUOTA.*(Archivio|ARCHIVIA)/);
  });

  test("the upstream's refusal is passed on as it is", async () => {
    await start(`${BASE} QUOTA`);
    upstream.answer = (session, tag, command) => {
      if (!command.startsWith('GETQUOTA')) return false;
      session.say(`${tag} NO [NONEXISTENT] no\r\n`);
      return true;
    };
    const reply = await client.command('GETQUOTAROOT INBOX');
    expect(reply.line).toMatch(/NO \[NONEXISTENT\] no$/);
    expect(reply.untagged).toEqual([]);
    expect((await client.command('SETQUOTA "User quota" (STORAGE 1)')).line).toMatch(/ NO \[NOPERM\]/);
  });
});

describe('QUOTA in front of an upstream without it', () => {
  test('is ours alone', async () => {
    await start(BASE);
    expect(await data('CAPABILITY')).toMatch(/ QUOTA(?!=)/);
    expect(await data('CAPABILITY')).not.toContain('QUOTA=');
    expect(await data('GETQUOTAROOT INBOX')).toBe(
      '* QUOTAROOT "INBOX" "Archivio" "Conservazione"\r\n' +
        '* QUOTA "Archivio" (STORAGE 0 4)\r\n* QUOTA "Conservazione" (STORAGE 0 3)\r\n',
    );
    expect(await data('GETQUOTAROOT Bozze')).toBe('* QUOTAROOT "Bozze"\r\n');
    expect((await client.command('GETQUOTA Altro')).line).toMatch(/ NO \[NONEXISTENT\]/);
    expect(upstream.sessions.at(-1)?.received.join()).not.toContain('QUOTA');
  });
});

describe('a plan that is full', () => {
  test('takes nothing from an upstream folder, and nothing is removed there', async () => {
    await start(BASE);
    const mail = (uid: number) =>
      `Subject: numero ${uid}\r\nMessage-ID: <${uid}@pec.example.it>\r\n\r\n${'z'.repeat(1_500)}\r\n`;
    upstream.answer = (session, tag, command) => {
      if (!/FETCH/.test(command)) return false;
      for (const uid of [1, 2, 3]) {
        const text = mail(uid);
        session.say(
          `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "10-Jan-2026 10:00:00 +0000" BODY[] {${text.length}}\r\n${text})\r\n`,
        );
      }
      session.say(`${tag} OK done\r\n`);
      return true;
    };
    await client.ok('SELECT INBOX');
    const reply = await client.command('MOVE 1:3 Archivio');
    expect(reply.line).toMatch(/ NO \[OVERQUOTA\] /);
    expect(reply.untagged.map(String).join('')).not.toMatch(/COPYUID|EXPUNGE/);
    const told = upstream.sessions.at(-1)?.received.join('\n') ?? '';
    expect(told).not.toMatch(/STORE|EXPUNGE/);
    // A COPY that fails leaves the destination as it was (RFC 3501 section 6.4.7).
    expect((await proxy.store.status([{ tree: 'archive' }]))[0]).toMatchObject({ messages: 0, size: 0 });
  });
});
