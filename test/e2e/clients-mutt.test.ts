import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { eventually, must, run } from '../support/processes.ts';
import { PASSWORD, type Stage, sources, startStage, USER } from './stage.ts';

/** A person at mutt: it needs a terminal, which tmux is. */
describe('mutt', () => {
  let stage: Stage;
  let home: string;
  const messages = ['tramontana', 'scirocco', 'libeccio'].map(word =>
    plainMessage({ subject: `vento ${word}`, body: `soffia: ${word}`, date: new Date('2026-01-15T10:00:00Z') }),
  );

  beforeAll(async () => {
    // The intake keeps what it gets: the time stamp never comes.
    stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
    await stage.tsa.stop();
    for (const raw of messages) {
      await stage.dovecot.deliver(USER, 'INBOX', raw, { internalDate: new Date('2026-01-15T10:00:00Z') });
    }
    home = await mkdtemp(join(tmpdir(), 'mutt-'));
    const { archivia } = stage;
    await writeFile(
      join(home, 'muttrc'),
      `set imap_user = "${USER}"
set imap_pass = "${PASSWORD}"
set folder = "imaps://localhost:${archivia.imapsPort}/"
set spoolfile = "+INBOX"
set certificate_file = "${archivia.caFile}"
set ssl_ca_certificates_file = "${archivia.caFile}"
set header_cache = ""
set confirmappend = no
set confirmcreate = no
set delete = yes
set move = no
set mark_old = no
set quit = yes
set wait_key = no
set beep = no
set sleep_time = 0
set imap_idle = yes
set imap_check_subscribed = yes
set record = ""
`,
    );
    await tmux('new-session', '-d', '-x', '140', '-y', '40', `TERM=screen mutt -n -F ${home}/muttrc`);
  });
  afterAll(async () => {
    await run('tmux', ['-S', join(home, 'tmux'), 'kill-server']);
    await stage?.stop();
    await rm(home, { recursive: true, force: true });
  });

  function tmux(...args: string[]) {
    return must('tmux', ['-S', join(home, 'tmux'), ...args], { env: { HOME: home, LC_ALL: 'C.UTF-8' } });
  }
  const screen = async () => (await tmux('capture-pane', '-p')).stdout;
  const type = (...keys: string[]) => tmux('send-keys', ...keys);
  const shows = (pattern: RegExp) =>
    eventually(`mutt to show ${pattern}`, async () => pattern.test(await screen())).catch(async error => {
      throw new Error(`${error.message}\n${await screen()}`);
    });
  /** Answers a question of mutt's: what it proposes is wiped first. */
  const answer = async (prompt: RegExp, text: string) => {
    await shows(prompt);
    await type('C-a', 'C-k');
    await type('-l', text);
    await type('Enter');
  };

  async function bodies(folder: string): Promise<string[]> {
    const client = await stage.client();
    const found = [...(await sources(client, folder)).values()].map(raw => raw.toString()).sort();
    await client.logout();
    return found;
  }
  const texts = (...indexes: number[]) => indexes.map(index => messages[index]?.toString() ?? '').sort();

  it('opens the INBOX and finds a word in a body, asked of the server', async () => {
    await shows(/vento tramontana[\s\S]*vento libeccio/);
    await type('l');
    await answer(/Limit to messages matching/, '=b scirocco');
    await shows(/Msgs:1\/3|Msgs:1 |Msgs:1\b/);
    expect(await screen()).toContain('vento scirocco');
    expect(await screen()).not.toContain('vento libeccio');
  });

  it('saves it into --ARCHIVIA--: there once, gone here', async () => {
    await type('s');
    await answer(/Save to mailbox/, '+--ARCHIVIA--');
    await eventually('the message in --ARCHIVIA--', async () => (await bodies('--ARCHIVIA--')).length === 1);
    await type('l');
    await answer(/Limit to messages matching/, 'all');
    await type('$');
    await shows(/vento tramontana/);
    await eventually('the INBOX without it', async () => (await bodies('INBOX')).length === 2);
    expect(await bodies('INBOX')).toEqual(texts(0, 2));
    expect(await bodies('--ARCHIVIA--')).toEqual(texts(1));
  });

  it('copies into the archive, reads it there, and copies it back', async () => {
    await type('T');
    await answer(/Tag messages matching/, '~A');
    await type('-l', ';C');
    await answer(/Copy tagged to mailbox/, '+Archivio');
    await eventually('three in the archive', async () => (await bodies('Archivio')).length === 3);
    await type('c');
    await answer(/Open mailbox/, '+Archivio/2026/01/Ordinaria');
    await shows(/Ordinaria[\s\S]*Msgs:3/);
    await type('l');
    await answer(/Limit to messages matching/, '~b libeccio');
    await shows(/Msgs:1\/3/);
    await type('Enter');
    await shows(/soffia: libeccio/);
    await type('i');
    await type('C');
    await answer(/Copy to mailbox/, '+Bozze');
    await eventually('the copy in the drafts', async () => (await bodies('Bozze')).length === 1);
    expect(await bodies('Bozze')).toEqual(texts(2));
    expect(await bodies('Archivio')).toEqual(texts(0, 1, 2));
  });

  it('says why, when what is to leave may not', async () => {
    await type('c');
    await answer(/Open mailbox/, '+Conservazione');
    await shows(/Conservazione/);
    await type('q');
    await eventually(
      'mutt to have ended',
      async () => (await run('tmux', ['-S', join(home, 'tmux'), 'has-session'])).code !== 0,
    );
  });
});
