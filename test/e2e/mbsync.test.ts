import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMbsync } from '../support/clients.ts';
import { createGestore, type Gestore, plainMessage } from '../support/messages.ts';
import { eventually } from '../support/processes.ts';
import { PASSWORD, type Stage, sources, startStage, USER } from './stage.ts';

describe('mbsync over the whole tree', () => {
  let stage: Stage;
  let gestore: Gestore;
  let maildirs: string;

  beforeAll(async () => {
    [stage, gestore] = await Promise.all([startStage(), createGestore()]);
    const { dovecot, archivia } = stage;
    for (const [index, month] of ['2025-12', '2026-01', '2026-01', '2026-02'].entries()) {
      const date = new Date(`${month}-15T10:00:00Z`);
      const busta = await gestore.busta({ subject: `Atto ${index}`, date });
      await dovecot.deliver(USER, 'INBOX', busta, { internalDate: date });
      const receipt = await gestore.accettazione({ subject: `Atto ${index}`, date });
      await dovecot.deliver(USER, 'INBOX', receipt, { internalDate: date });
    }
    await dovecot.deliver(USER, 'Posta inviata', plainMessage({ subject: 'inviato', from: USER }), {
      flags: ['\\Seen'],
    });
    const client = await stage.client();
    const lock = await client.getMailboxLock('INBOX');
    expect(await client.messageCopy('1:*', 'Archivio')).not.toBe(false);
    expect(await client.messageMove('1:2', '--ARCHIVIA--')).not.toBe(false);
    lock.release();
    await eventually('--ARCHIVIA-- to be empty', async () => {
      const status = await client.status('--ARCHIVIA--', { messages: true });
      return status !== false && status.messages === 0;
    });
    await client.logout();
    maildirs = join(archivia.directory, 'maildirs');
    await mkdir(maildirs);
  });

  afterAll(async () => {
    await stage?.stop();
    await gestore?.close();
  });

  const sync = () =>
    runMbsync(
      stage.archivia.directory,
      { port: stage.archivia.imapsPort, caFile: stage.archivia.caFile, user: USER, password: PASSWORD, maildirs },
      ['Patterns *'],
    );

  /** Every file below the Maildirs that holds a message, with the digest of its bytes. */
  async function messageFiles(): Promise<Map<string, string>> {
    const names = await readdir(maildirs, { recursive: true });
    const found = new Map<string, string>();
    for (const name of names.filter(each => /\/(cur|new)\/./.test(each)).sort()) {
      const content = await readFile(join(maildirs, name));
      found.set(name, createHash('sha256').update(content).digest('hex'));
    }
    return found;
  }

  it('brings every folder of both sides, each message whole', async () => {
    const outcome = await sync();
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const client = await stage.client();
    const folders = (await client.list()).filter(folder => !folder.flags.has('\\Noselect')).map(each => each.path);
    expect(folders).toContain('Archivio/2026/01/Ricevuti');
    expect(folders).toContain('Conservazione/2025/12/Ricevute');
    for (const folder of folders) {
      const far = [...(await sources(client, folder)).values()].map(normal).sort();
      const near: string[] = [];
      for (const part of ['cur', 'new']) {
        const path = join(maildirs, folder, part);
        for (const name of await readdir(path)) near.push(normal(await readFile(join(path, name))));
      }
      expect(near.sort(), folder).toEqual(far);
    }
    await client.logout();
  });

  it('has nothing to do the second time', async () => {
    const before = await messageFiles();
    const inboxBefore = await stage.dovecot.stored(USER, 'INBOX');
    const outcome = await sync();
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(before.size).toBeGreaterThan(20);
    expect(await messageFiles()).toEqual(before);
    expect(await stage.dovecot.stored(USER, 'INBOX')).toEqual(inboxBefore);
  });
});

/** mbsync writes bare line feeds and a line of its own. */
function normal(raw: Buffer): string {
  return raw
    .toString('latin1')
    .replaceAll('\r\n', '\n')
    .replace(/^X-TUID: .*\n/m, '');
}
