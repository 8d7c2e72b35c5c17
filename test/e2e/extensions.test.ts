import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import type { RawImap } from '../support/raw-imap.ts';
import { type Stage, startStage, USER } from './stage.ts';

/** What Debian's Dovecot has by plugins, through the proxy. */
describe('extensions of the upstream and ours together', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({
      dovecot: { quota: '20M', acl: true, compress: true },
      archive: { auto: { incoming: false, sent: false } },
    });
    for (let number = 1; number <= 3; number++) {
      await stage.dovecot.deliver(USER, 'INBOX', plainMessage({ subject: `numero ${number}`, body: 'corpo' }));
    }
  });
  afterAll(() => stage?.stop());

  const text = (responses: readonly Buffer[]) => Buffer.concat(responses).toString('latin1');

  /** The next response that is meant. */
  async function until(client: RawImap, wanted: RegExp): Promise<string> {
    for (;;) {
      const response = await client.response(10_000);
      if (response === null) throw new Error('connection closed');
      const line = response.toString('latin1').trimEnd();
      if (wanted.test(line)) return line;
    }
  }

  it('tells what both sides have', async () => {
    const client = await stage.raw();
    const list = text((await client.ok('CAPABILITY')).untagged)
      .trim()
      .split(' ');
    for (const name of ['QUOTA', 'ACL', 'RIGHTS=texk', 'COMPRESS=DEFLATE', 'NOTIFY']) expect(list).toContain(name);
    client.close();
  });

  it("shows Dovecot's quota and ours behind it", async () => {
    const [direct, client] = [await stage.directRaw(), await stage.raw()];
    const theirs = (await direct.ok('GETQUOTAROOT INBOX')).untagged.map(String);
    const ours = (await client.ok('GETQUOTAROOT INBOX')).untagged.map(String);
    expect(theirs).toHaveLength(2);
    expect(ours[0]).toBe(theirs[0]?.replace('\r\n', ' "Archivio" "Conservazione"\r\n'));
    expect(ours[1]).toBe(theirs[1]);
    expect(ours.slice(2)).toEqual([
      expect.stringMatching(/^\* QUOTA "Archivio" \(STORAGE \d+ [1-9]\d*\)\r\n$/),
      expect.stringMatching(/^\* QUOTA "Conservazione" \(STORAGE \d+ [1-9]\d*\)\r\n$/),
    ]);
    for (const command of ['GETQUOTAROOT Bozze', 'GETQUOTA Casella', 'MYRIGHTS INBOX', 'GETACL Bozze']) {
      expect(text((await client.ok(command)).untagged), command).toBe(text((await direct.ok(command)).untagged));
    }
    expect(text((await client.ok('MYRIGHTS Conservazione')).untagged)).toBe('* MYRIGHTS "Conservazione" lrsw\r\n');
    direct.close();
    client.close();
  });

  it('compresses on its own hop, upstream folders and views alike', async () => {
    const plain = await stage.raw();
    const client = await stage.raw();
    await client.compress();
    for (const command of [
      'EXAMINE INBOX',
      'FETCH 1:* (UID FLAGS BODY.PEEK[])',
      'LIST "" *',
      'STATUS Archivio (MESSAGES)',
    ]) {
      expect(text((await client.ok(command)).untagged), command).toBe(text((await plain.ok(command)).untagged));
    }
    plain.close();
    client.close();
  });

  it('notifies of folders and of views in one session', async () => {
    const client = await stage.raw();
    const actor = await stage.raw();
    // Dovecot notices by its own log what its sessions do elsewhere, not what falls into a Maildir.
    const deliver = (subject: string) => actor.append('INBOX', plainMessage({ subject, body: 'corpo' }));
    const events = 'MessageNew MessageExpunge FlagChange';
    const set = await client.ok(
      `NOTIFY SET STATUS (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange)) (PERSONAL (${events} MailboxName SubscriptionChange))`,
    );
    expect(text(set.untagged)).toMatch(/\* STATUS "?INBOX"? \(/);
    expect(text(set.untagged)).toMatch(/\* STATUS "Archivio" \(/);
    // A folder of the upstream, while nothing is selected and while a view is.
    await deliver('quattro');
    expect(await until(client, /^\* STATUS "?INBOX/)).toMatch(/MESSAGES 4/);
    await actor.ok('SELECT INBOX');
    await actor.ok('COPY 1 Archivio');
    expect(await until(client, /^\* LIST .*Ordinaria/)).toContain('"Archivio/');
    expect(await until(client, /^\* STATUS "Archivio"/)).toMatch(/MESSAGES 1/);
    await client.ok('SELECT Archivio');
    await deliver('cinque');
    expect(await until(client, /^\* STATUS "?INBOX/)).toMatch(/MESSAGES 5/);
    await actor.ok('COPY 2 Archivio');
    expect(await until(client, /EXISTS$/)).toBe('* 2 EXISTS');
    expect(await until(client, /^\* 2 FETCH/)).toMatch(/^\* 2 FETCH \(UID 2 BODY\[HEADER\.FIELDS \(SUBJECT\)\] \{/);
    // A folder selected: its own events, which Dovecot tells in IDLE, and views beside it.
    await client.ok('SELECT INBOX');
    await client.send('i IDLE\r\n');
    expect(await until(client, /^\+/)).toBeTruthy();
    await deliver('sei');
    expect(await until(client, /EXISTS$/)).toBe('* 6 EXISTS');
    expect(await until(client, /^\* 6 FETCH/)).toContain('BODY[HEADER.FIELDS (SUBJECT)]');
    await actor.ok('COPY 3 Archivio');
    expect(await until(client, /^\* STATUS "Archivio"/)).toMatch(/MESSAGES 3/);
    await actor.ok('CREATE Nuova');
    expect(await until(client, /^\* LIST .*Nuova/)).toMatch(/Nuova"?$/);
    await client.send('DONE\r\n');
    expect(await until(client, /^i /)).toMatch(/^i OK/);
    expect((await client.command('NOTIFY SET (PERSONAL (ServerMetadataChange))')).line).toMatch(/NO \[BADEVENT \(/);
    await client.ok('NOTIFY NONE');
    client.close();
    actor.close();
  });
});
