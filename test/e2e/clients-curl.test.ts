import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainMessage } from '../support/messages.ts';
import { type Outcome, run } from '../support/processes.ts';
import { PASSWORD, type Stage, sources, startStage, USER } from './stage.ts';

describe('curl', () => {
  let stage: Stage;
  let messages: Buffer[];

  beforeAll(async () => {
    stage = await startStage({ archive: { auto: { incoming: false, sent: false } } });
    const date = new Date('2026-01-15T10:00:00Z');
    messages = ['tramontana', 'scirocco'].map(word => plainMessage({ subject: word, body: `soffia: ${word}`, date }));
    for (const raw of messages) await stage.dovecot.deliver(USER, 'INBOX', raw, { internalDate: date });
  });
  afterAll(() => stage?.stop());

  async function curl(path: string, ...args: string[]): Promise<Outcome> {
    const { archivia } = stage;
    return run('curl', [
      ...['--silent', '--show-error', '--max-time', '20', '--cacert', archivia.caFile, '--user', `${USER}:${PASSWORD}`],
      ...args,
      `imaps://localhost:${archivia.imapsPort}/${path}`,
    ]);
  }

  it('lists one tree', async () => {
    const outcome = await curl('');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['INBOX', '"Posta inviata"', '"--ARCHIVIA--"', '"Archivio"', '"Conservazione"']) {
      expect(outcome.stdout).toContain(`"/" ${name}\r\n`);
    }
  });

  it.each(['INBOX', 'Archivio/2026/01/Ordinaria'])('searches and fetches in %s', async folder => {
    if (folder !== 'INBOX') expect((await curl('INBOX', '--request', 'COPY 1:* Archivio')).code).toBe(0);
    const path = folder.replaceAll(' ', '%20');
    const found = await curl(`${path}?BODY%20scirocco`);
    expect(found).toMatchObject({ code: 0, stdout: '* SEARCH 2\r\n' });
    const uid = await curl(path, '--request', 'FETCH 2 (UID FLAGS)');
    expect(uid.stdout).toMatch(/^\* 2 FETCH \(UID 2 FLAGS \(.*\)\)\r\n$/);
    const fetched = await curl(`${path};UID=2`);
    expect(fetched).toMatchObject({ code: 0, stdout: messages[1]?.toString() });
    const header = await curl(`${path};UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)`);
    expect(header.stdout).toBe('Subject: tramontana\r\n\r\n');
    expect((await curl(`${path};UID=999`)).code).not.toBe(0);
  });

  it('uploads into the archive and into a folder of the upstream, and not into Conservazione', async () => {
    const raw = plainMessage({ subject: 'caricato con curl', date: new Date() });
    const file = join(stage.archivia.directory, 'caricato.eml');
    await writeFile(file, raw);
    for (const folder of ['Archivio', 'Bozze']) {
      expect(await curl(folder, '--upload-file', file), folder).toMatchObject({ code: 0, stderr: '' });
      const client = await stage.client();
      const found = [...(await sources(client, folder)).values()];
      expect(
        found.some(each => each.equals(raw)),
        folder,
      ).toBe(true);
      await client.logout();
    }
    const refused = await curl('Conservazione', '--upload-file', file);
    expect(refused.code).not.toBe(0);
    expect((await curl('Conservazione', '--request', 'FETCH 1:* FLAGS')).stdout).not.toContain('FETCH (');
  });

  it('changes flags and expunges, and refuses a wrong password', async () => {
    expect((await curl('Archivio?SUBJECT%20tramontana')).stdout).toBe('* SEARCH 1\r\n');
    expect((await curl('Archivio', '--request', 'STORE 1 +Flags \\Deleted')).code).toBe(0);
    expect((await curl('Archivio', '--request', 'EXPUNGE')).stdout).toBe('* 1 EXPUNGE\r\n');
    expect((await curl('Archivio', '--request', 'SEARCH SUBJECT tramontana')).stdout).toBe('* SEARCH\r\n');
    // The message in the INBOX is another.
    expect((await curl('INBOX', '--request', 'SEARCH SUBJECT tramontana')).stdout).toBe('* SEARCH 1\r\n');
    // CURLE_LOGIN_DENIED
    expect((await curl('', '--user', `${USER}:sbagliata`)).code).toBe(67);
  });
});
