import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMbsync } from '../support/clients.ts';
import { plainMessage } from '../support/messages.ts';
import { ARCHIVE, CONSERVED, startMixedMailbox } from './mixed-mailbox.ts';
import { PASSWORD, type Stage, sources, USER } from './stage.ts';

/** Each test goes on where the one before has ended. */
describe('mbsync in both directions', () => {
  let stage: Stage;
  let maildirs: string;

  beforeAll(async () => {
    stage = await startMixedMailbox(['uno', 'due', 'tre']);
    maildirs = join(stage.archivia.directory, 'maildirs');
    await mkdir(maildirs);
  });

  afterAll(() => stage?.stop());

  /** The folders that hold messages: the broader views would show each of them again. */
  const sync = (expunge = 'Both') =>
    runMbsync(
      stage.archivia.directory,
      { port: stage.archivia.imapsPort, caFile: stage.archivia.caFile, user: USER, password: PASSWORD, maildirs },
      [
        'Patterns INBOX "Posta inviata" Archivio/*/*/* Conservazione/*/*/* --ARCHIVIA--',
        `Expunge ${expunge}`,
        'CopyArrivalDate yes',
      ],
    );

  async function near(folder: string): Promise<string[]> {
    const found: string[] = [];
    for (const part of ['cur', 'new']) {
      const path = join(maildirs, folder, part);
      for (const file of await readdir(path)) found.push(join(path, file));
    }
    return found.sort();
  }

  async function only(folder: string, subject: string): Promise<string> {
    const found: string[] = [];
    for (const path of await near(folder)) {
      if ((await readFile(path, 'latin1')).includes(`\nSubject: ${subject}\n`)) found.push(path);
    }
    expect(found, `${subject} in ${folder}`).toHaveLength(1);
    return found[0] ?? '';
  }

  async function subjects(folder: string): Promise<string[]> {
    const client = await stage.client();
    const raws = [...(await sources(client, folder)).values()];
    await client.logout();
    return raws.map(raw => /^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1] ?? '').sort();
  }

  async function flags(folder: string, subject: string): Promise<ReadonlySet<string>> {
    const client = await stage.client();
    const lock = await client.getMailboxLock(folder);
    const [found] = await client.fetchAll({ subject }, { flags: true });
    lock.release();
    await client.logout();
    return found?.flags ?? new Set();
  }

  it('brings both sides, and has nothing to do the second time', async () => {
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await near('INBOX')).toHaveLength(3);
    expect(await near(ARCHIVE)).toHaveLength(3);
    expect(await near(CONSERVED)).toHaveLength(1);
    const before = await readdir(maildirs, { recursive: true });
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect((await readdir(maildirs, { recursive: true })).sort()).toEqual(before.sort());
  });

  it('carries flags both ways, in a folder of the upstream and in a view', async () => {
    for (const folder of ['INBOX', ARCHIVE]) {
      await mark(await only(folder, 'uno'), 'F');
      const client = await stage.client();
      const lock = await client.getMailboxLock(folder);
      await client.messageFlagsAdd({ subject: 'due' }, ['\\Flagged']);
      lock.release();
      await client.logout();
    }
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    for (const folder of ['INBOX', ARCHIVE]) {
      expect(await flags(folder, 'uno'), folder).toContain('\\Flagged');
      expect((await only(folder, 'due')).replace(/.*:2,/, ''), folder).toContain('F');
    }
  });

  it('puts a new local message into the archive, once, and keeps it where the user has put it', async () => {
    const date = new Date('2026-01-20T10:00:00Z');
    const raw = plainMessage({ subject: 'aggiunto', date }).toString('latin1').replaceAll('\r\n', '\n');
    const path = join(maildirs, ARCHIVE, 'cur', '1768903200.1_1.prova:2,S');
    await writeFile(path, raw, 'latin1');
    await utimes(path, date, date);
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await subjects(ARCHIVE)).toEqual(['aggiunto', 'due', 'tre', 'uno']);
    const uidNamed = await only(ARCHIVE, 'aggiunto');
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await subjects(ARCHIVE)).toEqual(['aggiunto', 'due', 'tre', 'uno']);
    expect(await only(ARCHIVE, 'aggiunto')).toBe(uidNamed);
  });

  it('deletes in the archive what is deleted here, and here what is deleted there', async () => {
    await mark(await only(ARCHIVE, 'tre'), 'T');
    const client = await stage.client();
    const lock = await client.getMailboxLock(ARCHIVE);
    expect(await client.messageDelete({ subject: 'aggiunto' })).toBe(true);
    lock.release();
    await client.logout();
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await subjects(ARCHIVE)).toEqual(['due', 'uno']);
    expect(await subjects('Archivio')).toEqual(expect.not.arrayContaining(['tre', 'aggiunto']));
    expect(await near(ARCHIVE)).toHaveLength(2);
    // The same message in the INBOX is another.
    expect(await subjects('INBOX')).toEqual(['due', 'tre', 'uno']);
  });

  it('a conserved message: flags go through, a deletion is refused and everything else is synchronised', async () => {
    const path = (await near(CONSERVED))[0] ?? '';
    await mark(path, 'F');
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await flags(CONSERVED, 'Atto')).toContain('\\Flagged');

    await mark((await near(CONSERVED))[0] ?? '', 'T');
    await mark(await only('INBOX', 'tre'), 'F');
    const before = await subjects(CONSERVED);
    const refused = await sync();
    expect(await subjects(CONSERVED)).toEqual(before);
    expect(await flags(CONSERVED, 'Atto')).not.toContain('\\Deleted');
    expect(await flags('INBOX', 'tre')).toContain('\\Flagged');
    // The user reads the reason. mbsync counts the deletion as done and expunges its own copy; it does not try again.
    expect(refused.stderr).toContain("NO [CANNOT] Un messaggio in Conservazione non si puo' eliminare");
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await subjects(CONSERVED)).toEqual(before);
    // Who starts anew with this folder gets the message again.
    for (const name of await readdir(join(maildirs, CONSERVED))) {
      if (name.startsWith('.mbsyncstate')) await rm(join(maildirs, CONSERVED, name));
    }
    expect(await sync()).toMatchObject({ code: 0, stderr: '' });
    expect(await near(CONSERVED)).toHaveLength(1);
  });

  it('a new local message in Conservazione is refused, and stays here', async () => {
    const raw = plainMessage({ subject: 'falso' }).toString('latin1').replaceAll('\r\n', '\n');
    const path = join(maildirs, CONSERVED, 'cur', '1768903200.2_1.prova:2,S');
    await writeFile(path, raw, 'latin1');
    const before = await subjects('Conservazione');
    const outcome = await sync();
    expect(outcome.stderr).toContain('far side refuses to store message');
    expect(outcome.stderr).toContain('In Conservazione i messaggi entrano solo attraverso');
    expect(await subjects('Conservazione')).toEqual(before);
    expect(await readFile(await only(CONSERVED, 'falso'), 'latin1')).toContain('falso');
  });
});

/** Sets a Maildir flag by renaming, as mail programs do. */
async function mark(path: string, flag: string): Promise<void> {
  const [, stem = '', flags = ''] = /^(.*?)(?::2,(\w*))?$/.exec(path) ?? [];
  const target = `${stem}:2,${[...new Set([...flags, flag])].sort().join('')}`.replace(/\/new\/([^/]*)$/, '/cur/$1');
  await rename(path, target);
}
